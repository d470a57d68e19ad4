/**
 * Finds what stands under a host name, in any case, in a part of a text. A `Map` would need the part as a string of its own, and
 * V8 looks for that in its table of all strings first, which costs more than the rest of a decision.
 */
import { loweredCode } from '../base/ascii.ts'

const FREE = -1
/** FNV-1a, 32 bits. */
const HASH_START = 0x811c9dc5
const HASH_FACTOR = 0x01000193

export class HostTable<Value> {
  readonly names: readonly string[]
  readonly #values: readonly Value[]
  /** Index of a name, by hash; at most half are taken, so that a search ends soon. */
  readonly #slots: Int32Array

  /** Names in lower case. */
  constructor(entries: ReadonlyMap<string, Value>) {
    this.names = [...entries.keys()]
    this.#values = [...entries.values()]
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * entries.size + 2))).fill(FREE)
    for (const [index, name] of this.names.entries()) this.#slots[this.#slotOf(name, 0, name.length)] = index
  }

  get size(): number {
    return this.names.length
  }

  /** Under the part of the text between the two positions. */
  find(text: string, from: number, to: number): Value | undefined {
    return this.#values[this.#slots[this.#slotOf(text, from, to)] ?? FREE]
  }

  /** Where the name is, or would be. */
  #slotOf(text: string, from: number, to: number): number {
    const mask = this.#slots.length - 1
    let slot = hash(text, from, to) & mask
    for (;;) {
      const index = this.#slots[slot] ?? FREE
      if (index === FREE || isPart(this.names[index] ?? '', text, from, to)) return slot
      slot = (slot + 1) & mask
    }
  }
}

function hash(text: string, from: number, to: number): number {
  let value = HASH_START
  for (let at = from; at < to; at++) value = Math.imul(value ^ loweredCode(text.charCodeAt(at)), HASH_FACTOR)
  // The low bits of FNV-1a are weak for names that differ in one digit.
  return value ^ (value >>> 15)
}

// oxlint-disable-next-line max-params -- a part of a text is three things
function isPart(name: string, text: string, from: number, to: number): boolean {
  if (name.length !== to - from) return false
  for (let at = 0; at < name.length; at++) {
    if (loweredCode(text.charCodeAt(from + at)) !== name.charCodeAt(at)) return false
  }
  return true
}
