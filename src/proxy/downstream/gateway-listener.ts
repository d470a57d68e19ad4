/** One listening address with its client connections. */
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

import type { Random } from '../../base/random.ts'
import { messageOf } from '../../base/errors.ts'
import type { BoundListener } from '../../routing/data-plane.ts'
import type { Listener, TcpListener } from '../../routing/listener-model.ts'
import type { DestinationTraffic } from '../../telemetry/recorder.ts'

import { Http1ClientConnection } from './http1-connection.ts'
import type { Http1ConnectionDeps } from './http1-connection.ts'
import { CLIENT_CONNECTIONS_MAX } from '../serving/http-policy.ts'
import { Http2ClientSession } from './http2-session.ts'
import type { Http2SessionDeps } from './http2-session.ts'
import type { ListenerSockets, OpenListener } from '../listening/listener-sockets.ts'
import type { DateLine } from '../policy/date-line.ts'
import type { PassedBytes } from '../exchange/passed-bytes.ts'
import type { ServingListener } from '../serving/serving-state.ts'
import type { ServingTcp } from '../serving/serving-tcp.ts'
import { readShared } from './read-shared.ts'
import { TcpConnection } from './tcp-connection.ts'
import { peerOf } from '../telling/access-entry.ts'
import { refusedEntry } from '../telling/bare-entry.ts'
import type { RefusedRequest } from '../telling/bare-entry.ts'
import type { ServerTlsContext } from '../tls/server-tls.ts'

export interface GatewayListenerDeps {
  readonly monotonicMs: () => number
  readonly date: DateLine
  readonly passed: PassedBytes
  readonly newRequestId: () => string
  readonly random: Random
  readonly sockets: ListenerSockets
  readonly onAcceptError: (error: Error) => void
  /** An error of ours has ended one connection. */
  readonly onCrash: (error: unknown) => void
  /** The last connection of a closed listener is gone. */
  readonly onEmpty: (listener: GatewayListener) => void
}

/** What a listener serves at the moment. */
export type Served = (
  | { readonly kind: 'http'; readonly listener: Listener; readonly serving: ServingListener }
  | { readonly kind: 'tcp'; readonly listener: TcpListener; readonly serving: ServingTcp }
) & {
  /** Null: TLS is not ended here. */
  readonly tls: ServerTlsContext | null
}

interface Connection {
  closeWhenIdle(): void
  destroy(): void
  sweep(nowMs: number): void
}

/** From the accepted connection to the end of the TLS handshake. */
const TLS_HANDSHAKE_TIMEOUT_MS = 10_000
/**
 * Idle connections outlive the end of listening by this: a client that has just connected, or just sends its next request,
 * gets its answer, which tells it to connect anew.
 */
const LINGER_MS = 250

interface Handshake {
  readonly socket: Socket
  readonly sinceMs: number
}

interface Client {
  readonly socket: Socket
  /** What the socket's bytes go over: another one where there is TLS. */
  readonly wire: Socket
}

export class GatewayListener {
  readonly #deps: GatewayListenerDeps
  readonly #connections = new Set<Connection>()
  /** Clients whose TLS handshake is not over, by their address. */
  readonly #handshakes = new Map<string, Handshake>()
  #open: OpenListener | null = null
  #served: Served
  #isClosing = false
  /** Nobody is accepted any more. */
  #isClosed = false
  #closedSinceMs = 0
  readonly #secured = (socket: TLSSocket): void => this.#onSecure(socket)
  #bound: BoundListener | null = null

  constructor(served: Served, deps: GatewayListenerDeps) {
    this.#served = served
    this.#deps = deps
    this.serve(served)
  }

  /** What HTTP requests are served with; undefined: it serves none. */
  get serving(): ServingListener | undefined {
    return this.#served.kind === 'http' ? this.#served.serving : undefined
  }

  get listener(): Listener | TcpListener {
    return this.#served.listener
  }

  /** Null until binding succeeded or failed. */
  get bound(): BoundListener | null {
    return this.#bound
  }

  get isListening(): boolean {
    return this.#open !== null
  }

  /** From now on every new request, on kept connections too, is served with this; new certificates are for new connections. */
  serve(served: Served): void {
    if (served.kind !== this.#served.kind) for (const connection of this.#connections) connection.closeWhenIdle()
    this.#served = served
    served.tls?.bind(this.#secured)
  }

  /** Binds the address; where that fails, `bound` says why. */
  async listen(): Promise<void> {
    const { id, address, port } = this.listener
    try {
      const open = await this.#deps.sockets.open({ id, address, port }, () => this.#createServer())
      this.#bound = { id, address, port: open.port }
      if (this.#isClosing) void open.close()
      else this.#open = open
    } catch (error) {
      this.#bound = { id, address, port, error: messageOf(error) }
    }
  }

  /** Stops accepting; connections close after the request they are at, idle ones a moment later. `onEmpty` follows. */
  close(): void {
    this.#isClosing = true
    const { tls } = this.#served
    // Another listener has the rest of their handshakes.
    if (tls?.isBoundTo(this.#secured) === false) this.#endHandshakes()
    void (this.#open?.close() ?? Promise.resolve()).then(() => this.#onNobodyAccepted())
    this.#open = null
  }

  #onNobodyAccepted(): void {
    this.#isClosed = true
    this.#closedSinceMs = this.#deps.monotonicMs()
    this.#tellIfEmpty()
  }

  #endHandshakes(): void {
    for (const { socket } of this.#handshakes.values()) socket.destroy()
    this.#handshakes.clear()
  }

  destroyConnections(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  sweep(nowMs: number): void {
    for (const connection of this.#connections) connection.sweep(nowMs)
    if (this.#isClosed && nowMs - this.#closedSinceMs >= LINGER_MS) {
      this.#endHandshakes()
      for (const connection of this.#connections) connection.closeWhenIdle()
      this.#tellIfEmpty()
    }
    for (const { socket, sinceMs } of this.#handshakes.values()) {
      if (nowMs - sinceMs >= TLS_HANDSHAKE_TIMEOUT_MS) socket.destroy()
    }
  }

  #createServer(): Server {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket))
    // One client could not be accepted, for example: out of file descriptors.
    return server.on('error', (error) => {
      if (server.listening) this.#deps.onAcceptError(error)
    })
  }

  #accept(socket: Socket): void {
    const { tls, listener } = this.#served
    const most = this.#served.kind === 'http' ? this.#served.serving.http.connectionsMax : CLIENT_CONNECTIONS_MAX
    if (this.#connections.size + this.#handshakes.size >= most) {
      socket.destroy()
      return
    }
    if (listener.protocol === 'http') return this.#serveClear(readShared(socket), '')
    if (tls === null) return this.#serveClear(socket, listener.protocol === 'tls-passthrough' ? null : '')
    const key = addressOf(socket)
    const handshake = { socket, sinceMs: this.#deps.monotonicMs() }
    this.#handshakes.set(key, handshake)
    socket.once('close', () => {
      if (this.#handshakes.get(key) === handshake) this.#handshakes.delete(key)
    })
    tls.handshake(socket)
  }

  #onSecure(socket: TLSSocket): void {
    const key = addressOf(socket)
    const wire = this.#handshakes.get(key)?.socket ?? socket
    this.#handshakes.delete(key)
    this.#serveClient({ socket, wire }, typeof socket.servername === 'string' ? socket.servername : '')
  }

  #serveClear(socket: Socket, serverName: string | null): void {
    this.#serveClient({ socket, wire: socket }, serverName)
  }

  #serveClient(client: Client, serverName: string | null): void {
    const served = this.#served
    try {
      if (served.kind === 'tcp') this.#serveTcp(client, served.serving, serverName)
      else this.#serveHttp(client, served)
    } catch (error) {
      client.socket.destroy()
      this.#deps.onCrash(error)
    }
  }

  #serveTcp({ socket, wire }: Client, first: ServingTcp, serverName: string | null): void {
    const connection = new TcpConnection(socket, {
      wire,
      monotonicMs: this.#deps.monotonicMs,
      passed: this.#deps.passed,
      random: this.#deps.random,
      newStreamId: this.#deps.newRequestId,
      serving: newestOf(first, () => (this.#served.kind === 'tcp' ? this.#served.serving : null)),
      onCrash: this.#deps.onCrash,
      onClosed: (closed) => this.#forget(closed),
    })
    this.#connections.add(connection)
    connection.start(serverName)
  }

  #serveHttp({ socket, wire }: Client, { serving: first, tls }: Extract<Served, { kind: 'http' }>): void {
    const serving = newestOf(first, () => (this.#served.kind === 'http' ? this.#served.serving : null))
    const deps: Http2SessionDeps & Omit<Http1ConnectionDeps, 'wire' | 'onHttp2'> = {
      monotonicMs: this.#deps.monotonicMs,
      date: this.#deps.date,
      passed: this.#deps.passed,
      newRequestId: this.#deps.newRequestId,
      scheme: tls === null ? 'http' : 'https',
      serving,
      isDraining: () => this.#isClosing,
      onRefused: (refused) => {
        const { counts, telling } = serving()
        countRefused(counts.nowhere, refused)
        telling?.write(refusedEntry(refused, peerOf(socket), telling.epochMs(refused.startedMs)))
      },
      onCrash: this.#deps.onCrash,
      onClosed: (closed: Connection) => this.#forget(closed),
    }
    const speakHttp2 = (): void => void this.#connections.add(new Http2ClientSession(socket, deps))
    if (tls !== null && speaksHttp2(socket)) return speakHttp2()
    const onHttp2 = (connection: Connection): void => {
      this.#connections.delete(connection)
      speakHttp2()
    }
    this.#connections.add(new Http1ClientConnection(socket, { ...deps, wire, onHttp2 }))
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection)
    this.#tellIfEmpty()
  }

  #tellIfEmpty(): void {
    if (this.#isClosed && this.#connections.size === 0 && this.#handshakes.size === 0) this.#deps.onEmpty(this)
  }
}

function countRefused(nowhere: DestinationTraffic, { status, durationMs, bytesSent }: RefusedRequest): void {
  nowhere.count({ status, flag: 'DPE', durationMs, requestBytes: 0, responseBytes: bytesSent })
}

/** By ALPN. */
function speaksHttp2(socket: Socket | TLSSocket): boolean {
  return 'alpnProtocol' in socket && socket.alpnProtocol === 'h2'
}

/** A listener that now speaks another protocol has nothing new for its older connections: they end with what they had. */
function newestOf<Serving>(first: Serving, newest: () => Serving | null): () => Serving {
  let last = first
  return () => (last = newest() ?? last)
}

/** Of the client's side: no two open connections of one listener share it. */
function addressOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
