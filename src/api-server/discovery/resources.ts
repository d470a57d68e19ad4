/** What the server serves, in the forms clients discover it by. */
import { assertNever } from '../../base/assert.ts'
import type { Kind } from '../../kinds/kind.ts'
import type { Subresource } from '../../kinds/subresource.ts'
import { apiVersionOf } from '../../kube/object.ts'
import { REVIEWS } from '../http/reviews.ts'
import type { Registry } from '../registry/registry.ts'

/** One row of an APIResourceList. */
export interface ApiResource {
  readonly name: string
  readonly singularName: string
  readonly namespaced: boolean
  readonly kind: string
  readonly verbs: readonly string[]
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly group?: string
  readonly version?: string
}

export interface ApiGroup {
  readonly name: string
  /** Preferred first. */
  readonly versions: readonly { readonly version: string; readonly resources: readonly ApiResource[] }[]
}

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const
const SUBRESOURCE_VERBS = ['get', 'patch', 'update'] as const

export function apiGroups(registry: Registry): readonly ApiGroup[] {
  const groups = [...registry.groups()].map(([name, versions]): ApiGroup => ({
    name,
    versions: versions.map((version) => ({
      version,
      resources: registry.inGroupVersion(name, version).flatMap(resourcesOf),
    })),
  }))
  const reviewGroups = [...new Set(REVIEWS.map(({ group }) => group))].map((name): ApiGroup => ({
    name,
    versions: [{ version: 'v1', resources: REVIEWS.filter(({ group }) => group === name).map(reviewResource) }],
  }))
  return [...groups, ...reviewGroups]
}

function resourcesOf(kind: Kind): readonly ApiResource[] {
  const { type, singular, shortNames, categories } = kind
  const base = { singularName: '', namespaced: type.namespaced, kind: type.kind }
  const main: ApiResource = {
    ...base,
    name: type.plural,
    singularName: singular,
    verbs: VERBS,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  }
  const sub = (name: string, verbs: readonly string[], other: Partial<ApiResource> = {}): ApiResource => ({
    ...base,
    name: `${type.plural}/${name}`,
    verbs,
    ...other,
  })
  return [
    main,
    ...(kind.hasStatus ? [sub('status', SUBRESOURCE_VERBS)] : []),
    ...(kind.scale === undefined
      ? []
      : [sub('scale', SUBRESOURCE_VERBS, { group: 'autoscaling', version: 'v1', kind: 'Scale' })]),
    ...(kind.subresources ?? []).map((subresource) => sub(subresource.name, ...offerOf(subresource))),
  ]
}

/** Its verbs, and the kind of what is sent or answered where that is another one. */
function offerOf(subresource: Subresource): readonly [verbs: readonly string[], other?: Partial<ApiResource>] {
  switch (subresource.kind) {
    case 'finalize':
      return [['update']]
    case 'action':
      return [['create'], { kind: subresource.bodyType.kind }]
    case 'node':
      return [subresource.name === 'log' ? ['get'] : ['create', 'get']]
    default:
      return assertNever(subresource)
  }
}

function reviewResource({ plural, singular, kind }: (typeof REVIEWS)[number]): ApiResource {
  return { name: plural, singularName: singular, namespaced: false, kind, verbs: ['create'] }
}

/** The legacy form of one group version. */
export function resourceList(groupVersion: string, resources: readonly ApiResource[]): object {
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources }
}

/** The legacy form of one group. */
export function groupDocument({ name, versions }: ApiGroup): object {
  const listed = versions.map(({ version }) => ({ groupVersion: apiVersionOf({ group: name, version }), version }))
  return { name, versions: listed, preferredVersion: listed[0] }
}

/** The aggregated form: all groups with all their resources in one answer. */
export function aggregated(groups: readonly ApiGroup[], version: 'v2' | 'v2beta1'): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: { name: group.name, creationTimestamp: null },
      versions: group.versions.map(({ version: name, resources }) => ({
        version: name,
        freshness: 'Current',
        resources: aggregatedResources(group.name, name, resources),
      })),
    })),
  }
}

function aggregatedResources(group: string, version: string, resources: readonly ApiResource[]): readonly object[] {
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, kind, namespaced, singularName, verbs, shortNames, categories }) => ({
      resource: name,
      responseKind: { group, version, kind },
      scope: namespaced ? 'Namespaced' : 'Cluster',
      singularResource: singularName,
      verbs,
      ...(shortNames === undefined ? {} : { shortNames }),
      ...(categories === undefined ? {} : { categories }),
      ...subresourcesOf({ group, version, name }, resources),
    }))
}

function subresourcesOf(
  parent: { readonly group: string; readonly version: string; readonly name: string },
  resources: readonly ApiResource[],
): object {
  const subresources = resources
    .filter(({ name }) => name.startsWith(`${parent.name}/`))
    .map(({ name, group, version, kind, verbs }) => ({
      subresource: name.slice(parent.name.length + 1),
      responseKind: { group: group ?? parent.group, version: version ?? parent.version, kind },
      verbs,
    }))
  return subresources.length === 0 ? {} : { subresources }
}
