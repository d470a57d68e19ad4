/**
 * MurmurHash3 (x86, 32 bits) over the UTF-16 units of a text, low byte first. Fixed for good: every proxy must put a key
 * into the same place, whichever process or release of ours it is.
 */
import type { Random } from '../base/random.ts'

/** An unsigned 32-bit number. Different seeds give independent hashes of the same text. */
export function hashText(text: string, seed = 0): number {
  let hash = seed | 0
  const even = text.length & ~1
  for (let index = 0; index < even; index += 2) {
    hash ^= scramble(text.charCodeAt(index) | (text.charCodeAt(index + 1) << 16))
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  if (even < text.length) hash ^= scramble(text.charCodeAt(even))
  return finish(hash ^ (text.length * 2))
}

/** For what has no key to hash: any hash. */
export function randomHash(random: Random): number {
  return Math.floor(random() * 2 ** 32)
}

function scramble(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51)
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
}

/** Every bit of the input reaches every bit of the output. */
function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
