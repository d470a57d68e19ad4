/**
 * Endless content whose every byte follows from its position, so that a byte lost, doubled or moved on the way is seen. The
 * period is prime: no buffer of a round size hides a shift.
 */
import type { Writable } from 'node:stream'

const PERIOD = 65_521
const PATTERN = Buffer.alloc(2 * PERIOD)
for (let index = 0; index < PATTERN.length; index++) {
  const position = index % PERIOD
  PATTERN[index] = (position * 31 + (position >> 8) * 17) & 0xff
}

/** Up to a period of the content from this position. */
function patternAt(position: number, length: number): Buffer {
  const from = position % PERIOD
  return PATTERN.subarray(from, from + Math.min(length, PERIOD))
}

export interface PatternSource {
  /** Bytes given to the connection so far. */
  readonly sent: number
  /** Whether the connection takes no more for now. */
  readonly isBlocked: boolean
}

/** Writes so much content as fast as it is taken, each part wrapped, then calls `onDone`. */
export function sendPattern(
  output: Writable,
  length: number,
  options: { readonly wrap?: (part: Buffer) => Buffer; readonly onDone?: () => void } = {},
): PatternSource {
  const { wrap = (part) => part, onDone = () => {} } = options
  const source = { sent: 0, isBlocked: false }
  const push = (): void => {
    source.isBlocked = false
    while (source.sent < length) {
      const part = patternAt(source.sent, length - source.sent)
      source.sent += part.length
      if (!output.write(wrap(part))) {
        source.isBlocked = true
        output.once('drain', push)
        return
      }
    }
    onDone()
  }
  push()
  return source
}

/** One chunk of a chunked body. */
export function asChunk(part: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')])
}

export class PatternCheck {
  #received = 0
  #isIntact = true

  get received(): number {
    return this.#received
  }

  /** Whether all that came is what was sent. */
  get isIntact(): boolean {
    return this.#isIntact
  }

  take(chunk: Buffer): void {
    for (let from = 0; from < chunk.length;) {
      const expected = patternAt(this.#received, chunk.length - from)
      if (!expected.equals(chunk.subarray(from, from + expected.length))) this.#isIntact = false
      from += expected.length
      this.#received += expected.length
    }
  }
}
