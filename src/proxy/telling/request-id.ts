/** Request ids in the form of a UUID: a random part per process, then a counter. Unique, cheap, and not a secret. */
import type { Random } from '../../base/random.ts'

/** The counter has 48 bits. */
const HALF = 2 ** 24

export function requestIdSource(random: Random): () => string {
  const hex = (digits: number): string =>
    Math.floor(random() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  // Version 4, variant 8: what readers of the field expect a UUID to look like.
  const prefix = `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-`
  // In two halves: `toString` is slow for numbers of more than 31 bits.
  let high = Math.floor(random() * HALF)
  let low = Math.floor(random() * HALF)
  let begin = prefix + half(high)
  return () => {
    if (++low === HALF) {
      low = 0
      high = (high + 1) % HALF
      begin = prefix + half(high)
    }
    return begin + half(low)
  }
}

function half(value: number): string {
  return value.toString(16).padStart(6, '0')
}
