/**
 * Endless content whose every byte follows from its position, so that a byte lost, doubled or moved on the way is seen. The
 * period is prime: no buffer of a round size hides a shift.
 */
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'

import { ChunkedReader } from '../../src/proxy/http1/chunked-reader.ts'

import { onHead } from './raw-endpoint.ts'

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

/** Reads a response whose content is the pattern, by its chunks where it has some; returns its head. A 102 before it is passed over. */
export function receivePattern(socket: Socket, length: number): Promise<string> {
  const check = new PatternCheck()
  const chunks = new ChunkedReader()
  let head = ''
  return new Promise((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      if (/transfer-encoding: chunked/i.test(head)) {
        chunks.read(chunk, 0, chunk.length, (from, to) => check.take(chunk.subarray(from, to)))
      } else {
        check.take(chunk)
      }
      if (!check.isIntact || check.received > length) reject(new Error(`wrong content before byte ${check.received}`))
      if (check.received === length) resolve(head)
    }
    socket.removeAllListeners('data')
    onHead(socket, (text, rest) => {
      if (text === 'HTTP/1.1 102 Processing\r\n\r\n') {
        socket.emit('data', rest)
        return
      }
      head = text
      socket.removeAllListeners('data').on('data', take)
      take(rest)
    })
    socket.on('close', () => reject(new Error(`closed after ${check.received} bytes`)))
    socket.resume()
  })
}
