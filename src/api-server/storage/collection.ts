/** The objects of one resource in memory. */
import type { KubeObject, ObjectKey } from '../../kube/object.ts'
import type { EventType } from './log-database.ts'

/** An object with the JSON it is stored and sent as. */
export interface Stored {
  readonly key: ObjectKey
  readonly version: number
  readonly object: KubeObject
  readonly json: string
}

export interface StoreEvent {
  readonly type: EventType
  readonly version: number
  /** The object after the write; for DELETED its last state, with the version of the deletion. */
  readonly current: Stored
  /** The object before the write; absent for ADDED. */
  readonly previous: Stored | undefined
}

/** One resource's objects: the committed state, and on top of it what the current turn has written. */
export class Collection {
  readonly #committed = new Map<string, Stored>()
  readonly #staged = new Map<string, Stored | null>()
  #sorted: readonly Stored[] | undefined

  get(key: string): Stored | undefined {
    return this.#committed.get(key)
  }

  latest(key: string): Stored | undefined {
    const staged = this.#staged.get(key)
    return staged === undefined ? this.#committed.get(key) : (staged ?? undefined)
  }

  allLatest(): readonly Stored[] {
    if (this.#staged.size === 0) return [...this.#committed.values()]
    const keys = new Set([...this.#committed.keys(), ...this.#staged.keys()])
    return [...keys].map((key) => this.latest(key)).filter((item) => item !== undefined)
  }

  sorted(): readonly Stored[] {
    this.#sorted ??= [...this.#committed.values()].toSorted(byKey)
    return this.#sorted
  }

  stage(key: string, value: Stored | null): void {
    this.#staged.set(key, value)
  }

  /** The write, and what was staged on top of it, will not be. */
  unstage(key: string): void {
    this.#staged.delete(key)
  }

  commit({ type, current }: StoreEvent): void {
    this.apply(current.key, type === 'DELETED' ? undefined : current)
    // A later write of the same turn may stand in the stage already: that one stays until its own commit.
    const staged = this.#staged.get(current.key)
    if (staged === current || (staged === null && type === 'DELETED')) this.#staged.delete(current.key)
  }

  apply(key: string, value: Stored | undefined): void {
    if (value === undefined) this.#committed.delete(key)
    else this.#committed.set(key, value)
    this.#sorted = undefined
  }
}

/** Lists are in the order of their keys, compared by code unit: pages go on after a key. */
export function byKey(a: Stored, b: Stored): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}
