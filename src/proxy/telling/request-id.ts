/** Request ids in the form of a UUID: a random part per process, then a counter. Unique, cheap, and not a secret. */
import type { Random } from '../../base/random.ts'

/** The counter has 48 bits: in two halves, of which each fits a small integer. */
const HALF = 2 ** 24
const HALF_DIGITS = 6
const ID_LENGTH = 36
/** They are cut out of one string; an id that is kept keeps it. */
const IDS_AT_ONCE = 16
const DIGITS = Buffer.from('0123456789abcdef')

export function requestIdSource(random: Random): () => string {
  const hex = (digits: number): string =>
    Math.floor(random() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  // Version 4, variant 8: what readers of the field expect a UUID to look like.
  const prefix = `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-`
  const ids = Buffer.from(prefix.padEnd(ID_LENGTH, '0').repeat(IDS_AT_ONCE), 'latin1')
  let high = Math.floor(random() * HALF)
  let low = Math.floor(random() * HALF)
  let text = ''
  let used = 0
  const makeMore = (): void => {
    for (let end = ID_LENGTH; end <= ids.length; end += ID_LENGTH) {
      low = (low + 1) % HALF
      if (low === 0) high = (high + 1) % HALF
      putHalf(ids, end - HALF_DIGITS, high)
      putHalf(ids, end, low)
    }
    text = ids.toString('latin1')
    used = 0
  }
  return () => {
    if (used === text.length) makeMore()
    return text.slice(used, (used += ID_LENGTH))
  }
}

function putHalf(ids: Buffer, end: number, value: number): void {
  for (let at = end - 1, rest = value; at >= end - HALF_DIGITS; at--, rest >>>= 4) ids[at] = DIGITS[rest & 15] ?? 0
}
