/** Request ids in the form of a UUID: a random part per process, then a counter. Unique, cheap, and not a secret. */
import type { Random } from '../base/random.ts'

export function requestIdSource(random: Random): () => string {
  const hex = (digits: number): string =>
    Math.floor(random() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  // Version 4, variant 8: what readers of the field expect a UUID to look like.
  const prefix = `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-`
  let counter = Math.floor(random() * 2 ** 40)
  return () => {
    if (++counter === 2 ** 48) counter = 0
    return prefix + counter.toString(16).padStart(12, '0')
  }
}
