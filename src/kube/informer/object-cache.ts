/** The objects of one kind as last seen, with indexes. Knows nothing of how they arrive. */
import { keyOf } from '../object.ts'
import type { KubeObject, ObjectKey } from '../object.ts'

export type IndexFunction<T> = (object: T) => readonly string[]

interface Index<T> {
  readonly valuesOf: IndexFunction<T>
  readonly buckets: Map<string, Map<ObjectKey, T>>
}

export class ObjectCache<T extends KubeObject> {
  readonly #objects = new Map<ObjectKey, T>()
  readonly #indexes = new Map<string, Index<T>>()

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(key)
  }

  keys(): readonly ObjectKey[] {
    return [...this.#objects.keys()]
  }

  all(): readonly T[] {
    return [...this.#objects.values()]
  }

  /** Puts the object, or removes the key when there is none. Returns what was there before. */
  set(key: ObjectKey, object: T | undefined): T | undefined {
    const old = this.#objects.get(key)
    if (object === undefined) this.#objects.delete(key)
    else this.#objects.set(key, object)
    for (const index of this.#indexes.values()) {
      if (old !== undefined) unfile(index, key, old)
      if (object !== undefined) file(index, key, object)
    }
    return old
  }

  /** Adds an index over present and future objects; a name that exists already is kept as it is. */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    if (this.#indexes.has(name)) return
    const index: Index<T> = { valuesOf, buckets: new Map() }
    for (const object of this.#objects.values()) file(index, keyOf(object), object)
    this.#indexes.set(name, index)
  }

  by(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name)
    if (index === undefined) throw new Error(`Cannot look up by "${name}": there is no such index; add it first`)
    return [...(index.buckets.get(value)?.values() ?? [])]
  }
}

function file<T>({ valuesOf, buckets }: Index<T>, key: ObjectKey, object: T): void {
  for (const value of valuesOf(object)) {
    const bucket = buckets.get(value)
    if (bucket === undefined) buckets.set(value, new Map([[key, object]]))
    else bucket.set(key, object)
  }
}

function unfile<T>({ valuesOf, buckets }: Index<T>, key: ObjectKey, object: T): void {
  for (const value of valuesOf(object)) {
    const bucket = buckets.get(value)
    bucket?.delete(key)
    if (bucket?.size === 0) buckets.delete(value)
  }
}
