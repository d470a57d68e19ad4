/** A resource: one set of stored objects, and the versions of the API in which it is served. */
import type { Kind, KindVersion } from '../../kinds/kind.ts'
import { apiVersionOf, resourceName } from '../../kube/object.ts'
import type { KubeObject, ResourceType } from '../../kube/object.ts'
import type { Stored } from '../storage/collection.ts'
import type { Document } from './document.ts'

export interface Resource {
  /** The name under which its objects are filed in the store. */
  readonly storage: string
  /** The version in whose shape the objects are stored, checked by admission and deleted. */
  readonly hub: Kind
  /** All versions, the hub among them. */
  readonly served: readonly ServedKind[]
}

/** A kind in one of the versions that its resource is served in: what every verb works with. */
export interface ServedKind extends Omit<Kind, 'versions'> {
  readonly resource: Resource
  readonly toHub: (object: Document) => Document
  readonly fromHub: (object: KubeObject) => Document
}

export function resourceOf({ versions = [], ...hub }: Kind): Resource {
  const served: ServedKind[] = []
  const resource: Resource = { storage: resourceName(hub.type), hub, served }
  served.push({ ...hub, resource, toHub: (object) => object, fromHub: (object) => object as Document })
  for (const version of versions) served.push(servedVersion(resource, version))
  return resource
}

function servedVersion(resource: Resource, version: KindVersion): ServedKind {
  return {
    ...version,
    resource,
    toHub: (object) => as(resource.hub.type, version.toHub?.(object) ?? object),
    fromHub: (object) => as(version.type, version.fromHub?.(object) ?? object),
  }
}

function as(type: ResourceType, object: KubeObject): Document {
  return { ...object, apiVersion: apiVersionOf(type), kind: type.kind }
}

/** The object of one version of a resource in another one. */
export function translate(from: ServedKind, to: ServedKind, object: Document): Document {
  return from === to ? object : to.fromHub(from.toHub(object))
}

/** The version of the resource that `apiVersion` names; `kind` itself where it is not served any more. */
export function servedAs(kind: ServedKind, apiVersion: string | undefined): ServedKind {
  return kind.resource.served.find(({ type }) => apiVersionOf(type) === apiVersion) ?? kind
}

/** A stored object in the version of a request. What is stored in that version keeps the JSON that it has. */
export function inVersion<T extends Pick<Stored, 'object' | 'json'>>(kind: ServedKind, item: T): T {
  const object = kind.fromHub(item.object)
  return object === item.object ? item : { ...item, object, json: JSON.stringify(object) }
}

/** Where a kind's objects are filed in the store. */
export function storageOf({ resource }: Pick<ServedKind, 'resource'>): string {
  return resource.storage
}
