/** How an endpoint is asked whether it serves: in the way in which requests reach it, on a connection of its own each time. */
import { request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

import { hostPort } from '../../base/host-port.ts'
import { assertNever } from '../../base/assert.ts'
import type { Cluster, HealthCheck } from '../../routing/cluster-model.ts'

import type { ClientTlsContext } from '../tls/client-tls.ts'

import { GRPC_HEALTH_PATH, HealthAnswer, healthQuestion } from './grpc-health.ts'

/** Where and how an endpoint is reached. */
export interface CheckedAddress {
  readonly address: string
  readonly port: number
  /** Null: in clear text. */
  readonly tls: ClientTlsContext | null
  readonly protocol: NonNullable<Cluster['protocol']>
}

/** Takes the answer; what comes after the first one means nothing. */
export type OnAnswer = (isGood: boolean) => void

const USER_AGENT = 'sluice-health-check'

/** Returns what gives the question up. */
export function askEndpoint(at: CheckedAddress, check: HealthCheck, end: OnAnswer): () => void {
  if (check.kind === 'tcp') return askConnection(at, end)
  if (check.kind === 'grpc') return askGrpc(at, check, end)
  switch (at.protocol) {
    case 'http1':
      return askHttp1(at, check, end)
    case 'http2':
      return askHttp2(at, check, end)
    default:
      return assertNever(at.protocol, 'protocol')
  }
}

/** Good: a connection could be made; over TLS, with a certificate that is as it should be. */
function askConnection(at: CheckedAddress, end: OnAnswer): () => void {
  const socket = open(at, [], end)
  socket.on(at.tls === null ? 'connect' : 'secureConnect', () => end(true))
  return () => socket.destroy()
}

function askHttp1(at: CheckedAddress, check: HealthCheck, end: OnAnswer): () => void {
  const headers = { host: hostOf(at, check), 'user-agent': USER_AGENT }
  const createConnection = (): Socket => open(at, ['http/1.1'], end)
  const asked = request({ path: check.path, headers, createConnection }, ({ statusCode = 0 }) => end(isOk(statusCode)))
  asked.on('error', () => end(false))
  asked.end()
  return () => asked.destroy()
}

function askHttp2(at: CheckedAddress, check: HealthCheck, end: OnAnswer): () => void {
  const { session, fields } = startSession(at, check, end)
  const asked = session.request({ ...fields, ':path': check.path })
  asked.on('response', ({ ':status': status = 0 }) => end(isOk(status))).on('error', () => end(false))
  return () => session.destroy()
}

/** Good: the server says that it serves, and that all went well in saying so. */
function askGrpc(at: CheckedAddress, check: HealthCheck, end: OnAnswer): () => void {
  const { session, fields } = startSession(at, check, end)
  const call = { ':method': 'POST', ':path': GRPC_HEALTH_PATH, 'content-type': 'application/grpc', te: 'trailers' }
  const asked = session.request({ ...fields, ...call })
  const answer = new HealthAnswer()
  let isDone = false
  asked
    .on('data', (chunk: Buffer) => answer.add(chunk) || session.destroy())
    .on('trailers', (trailers: IncomingHttpHeaders) => (isDone = trailers['grpc-status'] === '0'))
    .on('end', () => end(isDone && answer.isServing))
    .on('error', () => end(false))
    .on('close', () => end(false))
  asked.end(healthQuestion(check.service ?? ''))
  return () => session.destroy()
}

interface StartedSession {
  readonly session: ClientHttp2Session
  readonly fields: OutgoingHttpHeaders
}

function startSession(at: CheckedAddress, check: HealthCheck, end: OnAnswer): StartedSession {
  const scheme = at.tls === null ? 'http' : 'https'
  const session = connectHttp2(`${scheme}://localhost`, { createConnection: () => open(at, ['h2'], end) })
  session.on('error', () => end(false)).on('close', () => end(false))
  return { session, fields: { ':scheme': scheme, ':authority': hostOf(at, check), 'user-agent': USER_AGENT } }
}

function open({ address, port, tls }: CheckedAddress, protocols: readonly string[], end: OnAnswer): Socket {
  const socket =
    tls === null
      ? connect({ host: address, port, noDelay: true })
      : tls.connect(address, port, { protocols, allowHalfOpen: false })
  return socket.on('error', (error) => {
    tls?.noteFailure(error, address, port)
    end(false)
  })
}

function hostOf({ address, port }: CheckedAddress, { host }: HealthCheck): string {
  if (host !== '') return host
  return hostPort(address, port)
}

function isOk(status: number): boolean {
  return status >= 200 && status < 300
}
