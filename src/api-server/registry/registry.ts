/** The resources that the server serves at one time, found by the way a URL or an object names them. */
import type { Kind } from '../../kinds/kind.ts'
import { apiVersionOf } from '../../kube/object.ts'
import { preferredFirst } from './preferred-version.ts'
import { resourceOf } from './resource.ts'
import type { Resource, ServedKind } from './resource.ts'

export class Registry {
  readonly resources: readonly Resource[]
  /** Every kind in every version. */
  readonly kinds: readonly ServedKind[]
  readonly #byPath: ReadonlyMap<string, ServedKind>
  readonly #byKind: ReadonlyMap<Kind, Resource>

  /** A kind that was served `before` stays the same resource. */
  constructor(kinds: readonly Kind[], before?: Registry) {
    this.#byKind = new Map(kinds.map((kind) => [kind, before?.resourceOf(kind) ?? resourceOf(kind)]))
    this.resources = [...this.#byKind.values()]
    this.kinds = this.resources.flatMap(({ served }) => served)
    const byPath = new Map<string, ServedKind>()
    for (const kind of this.kinds) {
      const path = pathOf(kind.type.group, kind.type.version, kind.type.plural)
      if (byPath.has(path)) throw new Error(`Cannot serve ${path}: two kinds have this path; leave one of them out`)
      byPath.set(path, kind)
    }
    this.#byPath = byPath
  }

  /** The resource whose hub the kind is, if it is served. */
  resourceOf(kind: Kind): Resource | undefined {
    return this.#byKind.get(kind)
  }

  find(group: string, version: string, plural: string): ServedKind | undefined {
    return this.#byPath.get(pathOf(group, version, plural))
  }

  /** By the object's own apiVersion and kind. */
  findByKind(apiVersion: string, kind: string): ServedKind | undefined {
    return this.kinds.find((candidate) => candidate.type.kind === kind && apiVersionOf(candidate.type) === apiVersion)
  }

  /**
   * Groups, each with its versions, the preferred one first. Clients that are asked for `deployments` take the first group
   * that has them: groups in which nothing is stored, those of old, come last.
   */
  groups(): ReadonlyMap<string, readonly string[]> {
    const hubs = this.resources.map(({ hub }) => hub.type)
    const groups = new Map<string, string[]>()
    for (const { group, version } of [...hubs, ...this.kinds.map(({ type }) => type)]) {
      const versions = groups.get(group) ?? []
      if (!versions.includes(version)) versions.push(version)
      groups.set(group, versions)
    }
    return new Map([...groups].map(([group, versions]) => [group, versions.toSorted(preferredFirst)]))
  }

  inGroupVersion(group: string, version: string): readonly ServedKind[] {
    return this.kinds.filter(({ type }) => type.group === group && type.version === version)
  }
}

function pathOf(group: string, version: string, plural: string): string {
  return `${group}/${version}/${plural}`
}
