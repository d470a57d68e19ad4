/**
 * Finds the number that stands under a host name, in any case, in a part of a text. A `Map` would need the part as a string of
 * its own, and V8 looks for that in its table of all strings first, which costs more than the rest of a decision. Of many hosts
 * each request wants another one, so what counts is how much memory a search touches: two places, next to no others.
 */
import { loweredCode } from '../base/ascii.ts'

const FREE = -1
/** FNV-1a, 32 bits. */
const HASH_START = 0x811c9dc5
const HASH_FACTOR = 0x01000193
/** Of a slot: where its name begins in `#codes`, and its number. */
const SLOT_FIELDS = 2
/** No request has room for more. */
const NAME_LENGTH_MAX = 0xffff

export class HostTable {
  readonly names: readonly string[]
  /** By hash; at most half of the slots are taken, so that a search ends soon. */
  readonly #slots: Int32Array
  /** Of each name: its length, then the codes of its characters. */
  readonly #codes: Uint16Array

  /** Names in lower case; numbers from 0 on. */
  constructor(entries: ReadonlyMap<string, number>) {
    this.names = [...entries.keys()]
    this.#codes = new Uint16Array(this.names.reduce((sum, { length }) => sum + 1 + length, 0))
    this.#slots = new Int32Array(SLOT_FIELDS * 2 ** Math.ceil(Math.log2(2 * entries.size + 2))).fill(FREE)
    let start = 0
    for (const [name, value] of entries) {
      if (name.length > NAME_LENGTH_MAX) continue
      const slot = this.#slotOf(name, 0, name.length)
      this.#codes[start] = name.length
      for (let at = 0; at < name.length; at++) this.#codes[start + 1 + at] = name.charCodeAt(at)
      this.#slots[slot] = start
      this.#slots[slot + 1] = value
      start += 1 + name.length
    }
  }

  get size(): number {
    return this.names.length
  }

  /** Under the part of the text between the two positions; -1: nothing. */
  find(text: string, from: number, to: number): number {
    return this.#slots[this.#slotOf(text, from, to) + 1] ?? FREE
  }

  /** Where the name is, or would be. */
  #slotOf(text: string, from: number, to: number): number {
    const mask = this.#slots.length - 1
    let slot = (hash(text, from, to) * SLOT_FIELDS) & mask
    for (;;) {
      const start = this.#slots[slot] ?? FREE
      if (start === FREE || this.#isAt(start, text, from, to)) return slot
      slot = (slot + SLOT_FIELDS) & mask
    }
  }

  // oxlint-disable-next-line max-params -- a part of a text is three things
  #isAt(start: number, text: string, from: number, to: number): boolean {
    const codes = this.#codes
    if (codes[start] !== to - from) return false
    for (let at = from, code = start + 1; at < to; at++, code++) {
      if (loweredCode(text.charCodeAt(at)) !== codes[code]) return false
    }
    return true
  }
}

function hash(text: string, from: number, to: number): number {
  let value = HASH_START
  for (let at = from; at < to; at++) value = Math.imul(value ^ loweredCode(text.charCodeAt(at)), HASH_FACTOR)
  // The low bits of FNV-1a are weak for names that differ in one digit.
  return value ^ (value >>> 15)
}
