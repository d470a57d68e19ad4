/** The kinds the server serves, found by the way a URL names them. */
import type { Kind } from '../../kinds/kind.ts'
import { apiVersionOf, resourceName } from '../../kube/object.ts'

export class Registry {
  readonly kinds: readonly Kind[]
  readonly #byPath: ReadonlyMap<string, Kind>

  constructor(kinds: readonly Kind[]) {
    this.kinds = kinds
    this.#byPath = new Map(kinds.map((kind) => [pathOf(kind.type.group, kind.type.version, kind.type.plural), kind]))
  }

  find(group: string, version: string, plural: string): Kind | undefined {
    return this.#byPath.get(pathOf(group, version, plural))
  }

  /** By the object's own apiVersion and kind. */
  findByKind(apiVersion: string, kind: string): Kind | undefined {
    return this.kinds.find((candidate) => candidate.type.kind === kind && apiVersionOf(candidate.type) === apiVersion)
  }

  /** Groups in order of first registration, each with its versions. */
  groups(): ReadonlyMap<string, readonly string[]> {
    const groups = new Map<string, string[]>()
    for (const { type } of this.kinds) {
      const versions = groups.get(type.group) ?? []
      if (!versions.includes(type.version)) versions.push(type.version)
      groups.set(type.group, versions)
    }
    return groups
  }

  inGroupVersion(group: string, version: string): readonly Kind[] {
    return this.kinds.filter(({ type }) => type.group === group && type.version === version)
  }
}

function pathOf(group: string, version: string, plural: string): string {
  return `${group}/${version}/${plural}`
}

/** How a kind's objects are filed in the store. Without the version: all versions of a kind are one set of objects. */
export function storageOf(kind: Kind): string {
  return resourceName(kind.type)
}
