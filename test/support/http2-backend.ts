/** Endpoints that speak HTTP/2, for tests. */
import { createSecureServer, createServer } from 'node:http2'
import type {
  Http2SecureServer,
  Http2Server,
  IncomingHttpHeaders,
  SecureServerOptions,
  ServerHttp2Session,
  ServerHttp2Stream,
  ServerOptions,
} from 'node:http2'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { FLAG, FRAME, PREFACE, encodeFields, encodeFrame } from './http2-client.ts'
import type { Frame } from './http2-client.ts'

export type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

export interface Http2Backend {
  readonly port: number
  /** Sessions that there were. */
  readonly sessions: readonly ServerHttp2Session[]
  /** Closes the server and its sessions; the port refuses from then on. */
  close(): Promise<void>
}

export function startHttp2Backend(
  t: TestContext,
  onStream: OnStream,
  options: ServerOptions = {},
): Promise<Http2Backend> {
  return listenOn(t, createServer(options), onStream)
}

export function startHttp2TlsBackend(
  t: TestContext,
  onStream: OnStream,
  options: SecureServerOptions,
): Promise<Http2Backend> {
  return listenOn(t, createSecureServer(options), onStream)
}

async function listenOn(
  t: TestContext,
  server: Http2Server | Http2SecureServer,
  onStream: OnStream,
): Promise<Http2Backend> {
  const sessions: ServerHttp2Session[] = []
  server.on('session', (session) => {
    sessions.push(session)
    session.on('error', () => {})
  })
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {})
    onStream(stream, headers)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve())
    })
    for (const session of sessions) session.destroy()
    await closed
  }
  t.after(() => (server.listening ? close() : undefined))
  const { port } = server.address() as AddressInfo
  return { port, sessions, close }
}

/** One connection to an endpoint that sends frames as they are. */
export interface RawPeer {
  readonly socket: Socket
  /** From 0. */
  readonly index: number
  // oxlint-disable-next-line max-params -- the fields of a frame, in its order
  send(type: number, flags: number, stream: number, payload?: Buffer): void
  respond(stream: number, fields: readonly (readonly [string, string])[], flags?: number): void
  goAway(lastStream: number, code?: number): void
  reset(stream: number, code: number): void
}

export interface RawHttp2BackendOptions {
  /** Sent first: pairs of setting and value. */
  readonly settings?: readonly (readonly [number, number])[]
  /** Of the whole session, beyond what every session has. */
  readonly windowBytes?: number
  /** Does not even send its settings. */
  readonly isSilent?: boolean
}

export interface RawHttp2Backend {
  readonly port: number
  readonly peers: readonly RawPeer[]
}

/** SETTINGS are sent and acknowledged by themselves; everything else is up to `onFrame`. */
export async function startRawHttp2Backend(
  t: TestContext,
  onFrame: (peer: RawPeer, frame: Frame) => void,
  { settings = [], isSilent = false, windowBytes = 0 }: RawHttp2BackendOptions = {},
): Promise<RawHttp2Backend> {
  const peers: RawPeer[] = []
  const server = createTcpServer({ noDelay: true }, (socket) => {
    const peer = rawPeer(socket, peers.length)
    peers.push(peer)
    socket.on('error', () => {})
    t.after(() => socket.destroy())
    if (isSilent) return
    peer.send(FRAME.SETTINGS, 0, 0, encodeSettings(settings))
    if (windowBytes > 0) peer.send(FRAME.WINDOW_UPDATE, 0, 0, encodeWords(windowBytes))
    const read = frameReader((frame) => {
      if (frame.type === FRAME.SETTINGS && (frame.flags & FLAG.ACK) === 0) peer.send(FRAME.SETTINGS, FLAG.ACK, 0)
      onFrame(peer, frame)
    })
    socket.on('data', read)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => server.close())
  return { port: (server.address() as AddressInfo).port, peers }
}

/** Of what a client sends, its preface first. */
function frameReader(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let input = Buffer.alloc(0)
  let skip = PREFACE.length
  const takeFrame = (): boolean => {
    if (input.length < 9 || input.length < 9 + input.readUIntBE(0, 3)) return false
    const end = 9 + input.readUIntBE(0, 3)
    const [type, flags, stream] = [input.readUInt8(3), input.readUInt8(4), input.readUInt32BE(5) & 0x7fffffff]
    const payload = input.subarray(9, end)
    input = input.subarray(end)
    onFrame({ type, flags, stream, payload })
    return true
  }
  return (chunk) => {
    input = Buffer.concat([input, chunk])
    if (input.length < skip) return
    input = input.subarray(skip)
    skip = 0
    while (takeFrame());
  }
}

function rawPeer(socket: Socket, index: number): RawPeer {
  const send: RawPeer['send'] = (type, flags, stream, payload = Buffer.alloc(0)) => {
    socket.write(encodeFrame(type, flags, stream, payload))
  }
  return {
    socket,
    index,
    send,
    respond: (stream, fields, flags = FLAG.END_STREAM) =>
      send(FRAME.HEADERS, flags | FLAG.END_HEADERS, stream, encodeFields(fields)),
    goAway: (lastStream, code = 0) => send(FRAME.GOAWAY, 0, 0, encodeWords(lastStream, code)),
    reset: (stream, code) => send(FRAME.RST_STREAM, 0, stream, encodeWords(code)),
  }
}

function encodeSettings(settings: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(6 * settings.length)
  for (const [at, [setting, value]] of settings.entries()) {
    payload.writeUInt16BE(setting, 6 * at)
    payload.writeUInt32BE(value, 6 * at + 2)
  }
  return payload
}

function encodeWords(...values: readonly number[]): Buffer {
  const payload = Buffer.alloc(4 * values.length)
  for (const [at, value] of values.entries()) payload.writeUInt32BE(value, 4 * at)
  return payload
}
