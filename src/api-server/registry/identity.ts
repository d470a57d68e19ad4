/** What the server gives an object: its uid, a generated name, times. */
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import { toTimestamp } from '../../kube/timestamp.ts'

/** Without vowels, 0, 1 and 3: no words, no look-alikes. */
const SAFE_LETTERS = 'bcdfghjklmnpqrstvwxz2456789'
const SUFFIX_LENGTH = 5
const GENERATED_BASE_LENGTH_MAX = 58

/** A name from a `generateName` prefix. */
export function generateName(prefix: string, random: Random): string {
  const letters = Array.from({ length: SUFFIX_LENGTH }, () => SAFE_LETTERS[Math.floor(random() * SAFE_LETTERS.length)])
  return prefix.slice(0, GENERATED_BASE_LENGTH_MAX) + letters.join('')
}

/** A random (version 4) UUID. */
export function makeUid(random: Random): string {
  const bytes = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

export function nowTimestamp(clock: Clock): string {
  return toTimestamp(clock.now())
}
