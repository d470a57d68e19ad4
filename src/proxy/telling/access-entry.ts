/** What is known of a request, or of a TCP connection, when it is over: everything that an access log can ask for. */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

import { plainAddress } from '../../base/host-port.ts'

/** Texts are latin1, as they came, one character per byte; an empty one is missing, and so is a number below 0. */
export interface AccessEntry {
  /** Since the epoch, with parts. */
  readonly startedAtMs: number
  readonly protocol: string
  readonly status: number
  readonly flag: string
  /** Envoy's words for how the response came about. */
  readonly details: string
  readonly bytesReceived: number
  readonly bytesSent: number
  readonly durationMs: number
  /** From the start to the request's last byte. */
  readonly requestDurationMs: number
  /** From the start to the first byte of the endpoint's response. */
  readonly responseDurationMs: number
  /** From the try to its response. */
  readonly upstreamServiceMs: number
  readonly upstreamHost: string
  readonly upstreamLocalAddress: string
  readonly cluster: string
  readonly transportFailure: string
  readonly attempts: number
  readonly client: ClientPeer
  readonly routeName: string
  readonly virtualHostName: string
  /** Of a call of gRPC; below 0: it had none. Undefined: it is no such call. */
  readonly grpcStatus?: number | undefined
  readonly traceId: string
  readonly streamId: string
  /** Names in lower case; `:method`, `:path`, `:authority`, `:scheme` too. As the endpoint gets it. */
  requestHeader(name: string): string
  responseHeader(name: string): string
  trailer(name: string): string
}

/** Both ends of a client's connection. */
export interface ClientPeer {
  readonly address: string
  readonly port: number
  readonly localAddress: string
  readonly localPort: number
  /** What the client asked for by SNI, or empty. */
  readonly serverName: string
}

export function peerOf(socket: Socket | TLSSocket): ClientPeer {
  const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket
  return {
    address: plainAddress(remoteAddress),
    port: remotePort,
    localAddress: plainAddress(localAddress),
    localPort,
    serverName: 'servername' in socket && typeof socket.servername === 'string' ? socket.servername : '',
  }
}
