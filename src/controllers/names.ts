/** Names that Kubernetes would generate, in its alphabet without vowels and look-alikes. */
import type { Random } from '../base/random.ts'

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'
const SUFFIX_CHARACTERS = 5
/** The base is cut so that base and suffix fit a DNS label. */
const BASE_CHARACTERS_MAX = 58

/** `<base>` plus five characters, as the server does for `generateName`. */
export function generatedName(base: string, random: Random): string {
  const suffix = Array.from({ length: SUFFIX_CHARACTERS }, () => ALPHABET[Math.floor(random() * ALPHABET.length)])
  return base.slice(0, BASE_CHARACTERS_MAX) + suffix.join('')
}

/** Digits and whatever else, written in the safe alphabet; not reversible. */
export function safeEncode(text: string): string {
  return Array.from(Buffer.from(text), (byte) => ALPHABET[byte % ALPHABET.length]).join('')
}

/** 32-bit FNV-1a. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}
