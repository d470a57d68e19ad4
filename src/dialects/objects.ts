/**
 * The objects that routing languages compile from. Who reads one while a value is derived depends on it from then on, so an
 * object that changes costs what was made of it, and no more.
 */
import { Derivations } from '../base/derivations.ts'
import type { Family } from '../base/derivations.ts'
import { defined } from '../base/assert.ts'
import { resourceName } from '../kube/object.ts'
import type { KubeObject, ObjectKey, ResourceType } from '../kube/object.ts'

/** One type of objects that is watched. Languages that watch the same type share one of these. */
export interface Watch<T extends KubeObject = KubeObject> {
  readonly type: ResourceType<T>
  /** Whether nothing differs that anything is compiled from: changes of status, of annotations. */
  isSame(a: T, b: T): boolean
  /** By name: under which values an object is found. */
  readonly indexes: Readonly<Record<string, Read<T>>>
}

/** A method, so that a `Watch<Pod>` is a `Watch`. */
type Read<T> = { read(object: T): readonly string[] }['read']

/** What a language sees of the objects. */
export interface Objects {
  /** Where values derived from them are remembered. */
  readonly derivations: Derivations
  get<T extends KubeObject>(watch: Watch<T>, key: ObjectKey): T | undefined
  /** In no particular order. */
  keys(watch: Watch): readonly ObjectKey[]
  /** In no particular order. */
  by<T extends KubeObject>(watch: Watch<T>, index: string, value: string): readonly T[]
}

export function watchOf<T extends KubeObject>(
  type: ResourceType<T>,
  isSame: (a: T, b: T) => boolean,
  indexes: Watch<T>['indexes'] = {},
): Watch<T> {
  return { type, isSame, indexes }
}

/** For types of which only the spec is compiled: the API server counts its changes. */
export function isSameGeneration(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.uid === b.metadata.uid && a.metadata.generation === b.metadata.generation
}

export class ObjectStore implements Objects {
  readonly derivations = new Derivations()
  readonly #tables: ReadonlyMap<string, Table>

  constructor(watches: readonly Watch[]) {
    this.#tables = new Map(watches.map((watch) => [resourceName(watch.type), new Table(watch, this.derivations)]))
  }

  /** The object as it is now; undefined: it is gone. True where something that is compiled may differ. */
  put(type: ResourceType, key: ObjectKey, object: KubeObject | undefined): boolean {
    return this.#table(type).put(key, object)
  }

  get<T extends KubeObject>({ type }: Watch<T>, key: ObjectKey): T | undefined {
    // Whoever puts an object names its type with it.
    return this.#table(type).get(key) as T | undefined
  }

  keys({ type }: Watch): readonly ObjectKey[] {
    return this.#table(type).keys()
  }

  by<T extends KubeObject>({ type }: Watch<T>, index: string, value: string): readonly T[] {
    return this.#table(type).by(index, value) as readonly T[]
  }

  #table(type: ResourceType): Table {
    return defined(this.#tables.get(resourceName(type)), `watch of ${resourceName(type)}`)
  }
}

interface Index {
  readonly valuesOf: (object: KubeObject) => readonly string[]
  readonly members: Map<string, Map<ObjectKey, KubeObject>>
  readonly lists: Family<readonly KubeObject[]>
}

const ALL = 'all'

class Table {
  readonly #watch: Watch
  readonly #objects = new Map<ObjectKey, KubeObject>()
  readonly #one: Family<KubeObject | undefined>
  readonly #keys: Family<readonly ObjectKey[]>
  readonly #indexes: ReadonlyMap<string, Index>

  constructor(watch: Watch, derivations: Derivations) {
    this.#watch = watch
    this.#one = derivations.family((key) => this.#objects.get(key as ObjectKey))
    this.#keys = derivations.family(() => [...this.#objects.keys()])
    this.#indexes = new Map(
      Object.entries(watch.indexes).map(([name, valuesOf]) => {
        const members: Index['members'] = new Map()
        const lists = derivations.family((value) => [...(members.get(value)?.values() ?? [])])
        return [name, { valuesOf, members, lists }]
      }),
    )
  }

  get(key: ObjectKey): KubeObject | undefined {
    return this.#one.get(key)
  }

  keys(): readonly ObjectKey[] {
    return this.#keys.get(ALL)
  }

  by(name: string, value: string): readonly KubeObject[] {
    return defined(this.#indexes.get(name), `index ${name}`).lists.get(value)
  }

  put(key: ObjectKey, object: KubeObject | undefined): boolean {
    const old = this.#objects.get(key)
    if (old === object || (old !== undefined && object !== undefined && this.#watch.isSame(old, object))) return false
    for (const index of this.#indexes.values()) refile(index, key, old, object)
    if (object === undefined) this.#objects.delete(key)
    else this.#objects.set(key, object)
    this.#one.invalidate(key)
    if (old === undefined || object === undefined) this.#keys.invalidate(ALL)
    return true
  }
}

function refile(
  { valuesOf, members, lists }: Index,
  key: ObjectKey,
  old: KubeObject | undefined,
  object: KubeObject | undefined,
): void {
  const now = object === undefined ? [] : valuesOf(object)
  for (const value of old === undefined ? [] : valuesOf(old)) {
    const filed = members.get(value)
    if (now.includes(value) || filed === undefined) continue
    filed.delete(key)
    if (filed.size === 0) members.delete(value)
    lists.invalidate(value)
  }
  for (const value of now) {
    const filed = members.get(value) ?? new Map<ObjectKey, KubeObject>()
    members.set(value, filed)
    if (object !== undefined) filed.set(key, object)
    lists.invalidate(value)
  }
}
