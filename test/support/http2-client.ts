/** Clients of HTTP/2 for tests: Node's, and one that sends frames as they are. */
import { connect as connectHttp2, constants } from 'node:http2'
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  SecureClientSessionOptions,
} from 'node:http2'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'

export interface Http2Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly trailers: IncomingHttpHeaders
  /** What the stream was closed with; 0: well. */
  readonly code: number
}

export interface Http2RequestOptions {
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer
  readonly trailers?: OutgoingHttpHeaders
}

export function http2Session(
  t: TestContext,
  port: number,
  options: SecureClientSessionOptions & { readonly scheme?: 'http' | 'https' } = {},
): ClientHttp2Session {
  const { scheme = 'http', ...rest } = options
  const session = connectHttp2(`${scheme}://127.0.0.1:${port}`, rest)
  session.on('error', () => {})
  t.after(() => session.destroy())
  return session
}

/** One request and everything that comes of it. */
export async function ask(
  session: ClientHttp2Session,
  { headers = {}, body, trailers }: Http2RequestOptions = {},
): Promise<Http2Reply> {
  const hasBody = body !== undefined || trailers !== undefined
  const stream = session.request(headers, { endStream: !hasBody, waitForTrailers: trailers !== undefined })
  if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  if (hasBody) stream.end(body)
  return replyOf(stream)
}

export async function statusOf(...asked: Parameters<typeof ask>): Promise<number> {
  return (await ask(...asked)).status
}

export async function replyOf(stream: ClientHttp2Stream): Promise<Http2Reply> {
  let headers: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  const parts: Buffer[] = []
  stream
    .on('response', (fields) => (headers = fields))
    .on('trailers', (fields) => (trailers = fields))
    .on('data', (part: Buffer) => parts.push(part))
    .on('error', () => {})
  await new Promise((resolve) => {
    stream.on('close', resolve)
  })
  const body = Buffer.concat(parts).toString()
  return { status: Number(headers[':status'] ?? 0), headers, body, trailers, code: stream.rstCode }
}

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const

export const FLAG = { END_STREAM: 1, ACK: 1, END_HEADERS: 4 } as const

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

const { NGHTTP2_NO_ERROR } = constants

/** Sends frames, well formed or not, and collects those that come. */
export class RawHttp2Client {
  readonly socket: Socket
  readonly frames: Frame[] = []
  #input: Buffer = Buffer.alloc(0)
  #wake: () => void = () => {}
  isClosed = false

  constructor(t: TestContext, port: number) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true })
    this.socket.on('data', (chunk: Buffer) => this.#take(chunk))
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
    t.after(() => this.socket.destroy())
  }

  /** Preface and settings, those of the other side acknowledged before they come. */
  greet(): this {
    this.socket.write(PREFACE, 'latin1')
    return this.send(FRAME.SETTINGS, 0, 0).send(FRAME.SETTINGS, FLAG.ACK, 0)
  }

  // oxlint-disable-next-line max-params -- the fields of a frame, in its order
  send(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): this {
    this.socket.write(encodeFrame(type, flags, stream, payload))
    return this
  }

  /** A request without a body, complete unless `flags` say otherwise. */
  request(stream: number, fields: readonly (readonly [string, string])[], flags: number = FLAG.END_STREAM): this {
    return this.send(FRAME.HEADERS, flags | FLAG.END_HEADERS, stream, encodeFields(fields))
  }

  /** The first frame for which this holds; rejects when the connection closes before. */
  async until(wanted: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(wanted)
      if (found !== undefined) return found
      if (this.isClosed) throw new Error(`closed after frames ${this.frames.map(({ type }) => type).join(' ')}`)
      await this.#more()
    }
  }

  /** The error code that a stream was reset with. */
  async untilReset(stream: number): Promise<number> {
    const frame = await this.until(({ type, stream: id }) => type === FRAME.RST_STREAM && id === stream)
    return frame.payload.readUInt32BE(0)
  }

  /** The error code that the connection was ended with, 0 where that was without a word. */
  async untilClosed(): Promise<number> {
    while (!this.isClosed) await this.#more()
    return this.frames.findLast(({ type }) => type === FRAME.GOAWAY)?.payload.readUInt32BE(4) ?? NGHTTP2_NO_ERROR
  }

  #take(chunk: Buffer): void {
    this.#input = Buffer.concat([this.#input, chunk])
    while (this.#input.length >= 9 && this.#input.length >= 9 + this.#input.readUIntBE(0, 3)) {
      const length = this.#input.readUIntBE(0, 3)
      this.frames.push({
        type: this.#input.readUInt8(3),
        flags: this.#input.readUInt8(4),
        stream: this.#input.readUInt32BE(5) & 0x7fffffff,
        payload: this.#input.subarray(9, 9 + length),
      })
      this.#input = this.#input.subarray(9 + length)
    }
    this.#wake()
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

// oxlint-disable-next-line max-params -- the fields of a frame, in its order
export function encodeFrame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** HPACK without a table: every field a literal that is not indexed (RFC 7541 §6.2.2). */
export function encodeFields(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), encodeText(name), encodeText(value)]))
}

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  return Buffer.concat([encodeLength(bytes.length), bytes])
}

/** An integer with a prefix of 7 bits (RFC 7541 §5.1). */
function encodeLength(length: number): Buffer {
  if (length < 127) return Buffer.from([length])
  const bytes = [127]
  let rest = length - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}

export const GET: readonly (readonly [string, string])[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'example.com'],
]
