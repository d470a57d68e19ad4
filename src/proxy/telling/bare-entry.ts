/** Entries about what was no request: one that could not be read, a TCP connection. */
import type { Observation } from '../../telemetry/recorder.ts'

import type { AccessEntry, ClientPeer } from './access-entry.ts'
import { detailsOf } from './details.ts'

const missing = (): string => ''

const BARE = {
  protocol: '',
  requestDurationMs: -1,
  responseDurationMs: -1,
  upstreamServiceMs: -1,
  upstreamHost: '',
  upstreamLocalAddress: '',
  cluster: '',
  transportFailure: '',
  attempts: 0,
  routeName: '',
  virtualHostName: '',
  traceId: '',
  streamId: '',
  requestHeader: missing,
  responseHeader: missing,
  trailer: missing,
} as const

/** What a client sent could not be read as a request, and this was the answer. */
export interface RefusedRequest {
  readonly status: number
  /** Of its body. */
  readonly bytesSent: number
  /** When the first of it came, as far as that is known. */
  readonly startedMs: number
  readonly durationMs: number
}

export function refusedEntry(refused: RefusedRequest, client: ClientPeer, startedAtMs: number): AccessEntry {
  const { status, bytesSent, durationMs } = refused
  const details = detailsOf('DPE', status, false)
  return { ...BARE, client, startedAtMs, status, flag: 'DPE', details, bytesReceived: 0, bytesSent, durationMs }
}

export interface TcpOutcome extends Observation {
  readonly startedAtMs: number
  readonly client: ClientPeer
  readonly upstreamHost: string
  readonly cluster: string
  readonly transportFailure: string
  readonly attempts: number
  readonly routeName: string
  /** Of the connection; new for each. */
  readonly streamId: string
}

/** A connection that is over. */
export function tcpEntry({ requestBytes, responseBytes, ...outcome }: TcpOutcome): AccessEntry {
  return { ...BARE, ...outcome, details: '', bytesReceived: requestBytes, bytesSent: responseBytes }
}
