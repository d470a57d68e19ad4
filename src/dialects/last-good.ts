/**
 * What was last accepted of each object, in its language's own form: enough to compile it again when its present form has
 * errors. One store for all languages; a controller keeps its content beside the objects.
 */
import type { Family } from '../base/derivations.ts'
import type { Derivations } from '../base/derivations.ts'
import type { ObjectReference } from '../routing/object-reference.ts'
import { referenceText } from '../routing/object-reference.ts'

export interface Accepted {
  readonly object: ObjectReference
  readonly uid: string
  readonly generation: number
  /** Plain JSON; only the language that made it reads it. */
  readonly record: unknown
}

export interface LastGood {
  /** Who reads it while a value is derived depends on it. */
  get(object: ObjectReference): Accepted | undefined
  /** All there are, in no particular order; nothing depends on them. */
  all(): Iterable<Accepted>
}

export class LastGoodRecords implements LastGood {
  readonly #byText = new Map<string, Accepted>()
  readonly #one: Family<Accepted | undefined>

  constructor(derivations: Derivations, accepted: Iterable<Accepted> = []) {
    for (const each of accepted) this.#byText.set(referenceText(each.object), each)
    this.#one = derivations.family((text) => this.#byText.get(text))
  }

  get(object: ObjectReference): Accepted | undefined {
    return this.#one.get(referenceText(object))
  }

  all(): Iterable<Accepted> {
    return this.#byText.values()
  }

  /** By `referenceText`. */
  entries(): ReadonlyMap<string, Accepted> {
    return this.#byText
  }

  /** True where it is a new one. */
  accept(accepted: Accepted): boolean {
    const text = referenceText(accepted.object)
    const known = this.#byText.get(text)
    const isKnown = known?.record === accepted.record && known?.uid === accepted.uid
    if (isKnown && known?.generation === accepted.generation) return false
    this.#byText.set(text, accepted)
    this.#one.invalidate(text)
    return true
  }

  /** The object is gone, and with it what it was. */
  forget(text: string): void {
    if (this.#byText.delete(text)) this.#one.invalidate(text)
  }
}
