/** Who may ask how its request was routed: whoever has the token whose hash the listener has. */
import { createHash, timingSafeEqual } from 'node:crypto'

/** Longer ones are not even hashed: nobody makes us work by sending much. */
const TOKEN_CHARACTERS_MAX = 512

export class DebugToken {
  readonly #hash: Buffer

  /** SHA-256 in hex. */
  constructor(hash: string) {
    this.#hash = Buffer.from(hash, 'hex')
  }

  /** In a time that does not depend on what is wrong. `sent`: latin1, as it came; undefined: nothing was. */
  admits(sent: string | undefined): boolean {
    if (sent === undefined || sent.length > TOKEN_CHARACTERS_MAX) return false
    const digest = createHash('sha256').update(sent, 'latin1').digest()
    return digest.length === this.#hash.length && timingSafeEqual(digest, this.#hash)
  }
}
