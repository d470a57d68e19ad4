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
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

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
