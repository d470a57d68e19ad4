/** A real request with the debug token, and what the proxy says it did with it. */
import { request as httpRequest } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { messageOf } from '../../base/errors.ts'
import { TLS_POLICY } from '../../base/tls-policy.ts'
import { asField } from '../../routing/field-text.ts'
import type { Explanation } from '../../routing/explanation.ts'
import type { HeaderValue } from '../../routing/policy-model.ts'
import type { CliDeps } from '../deps.ts'
import type { Credential } from './sources.ts'

const ANSWER_TIMEOUT_MS = 30_000
/** Of the response's body, so much is read before the connection is closed. */
const BODY_BYTES_MAX = 1024 * 1024

/** Ours to write, or without a meaning for a request without a body. */
const NOT_SENT: ReadonlySet<string> = new Set(['host', 'connection', 'content-length', 'transfer-encoding'])

export interface LiveDecision {
  /** `127.0.0.1:8080` */
  readonly sentTo: string
  readonly status: number
  /** As the proxy says; absent: it says nothing. */
  readonly route?: string
  readonly origin?: string
  readonly destination?: string
  readonly endpoint?: string
  readonly why?: string
}

export interface LiveRequest {
  readonly explanation: Explanation
  /** As typed. */
  readonly headers: readonly HeaderValue[]
  readonly credential: Credential
}

/** Without a body. Redirects are not followed. */
export async function sendLive(
  live: LiveRequest,
  { clock, signal }: Pick<CliDeps, 'clock' | 'signal'>,
): Promise<LiveDecision> {
  const { listener } = live.explanation
  const sentTo = `${reachable(listener.address)}:${listener.port}`
  const late = new AbortController()
  const timer = clock.after(ANSWER_TIMEOUT_MS, () => late.abort(new Error('no answer came in time')))
  try {
    const response = await send(live, AbortSignal.any([signal, late.signal]))
    await discard(response)
    return { sentTo, status: response.statusCode ?? 0, ...decisionOf(response.headers) }
  } catch (error) {
    const why = late.signal.aborted ? messageOf(late.signal.reason) : messageOf(error)
    throw new Error(`Cannot send the request to "${sentTo}" (listener "${listener.id}"): ${why}; does the proxy run?`, {
      cause: error,
    })
  } finally {
    timer.cancel()
  }
}

function send({ explanation, headers, credential }: LiveRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const { request, listener } = explanation
  const { method, host, path, query } = request
  const fields = [
    { name: 'Host', value: host },
    ...headers.filter(({ name }) => !NOT_SENT.has(name.toLowerCase()) && name.toLowerCase() !== credential.header),
    { name: credential.header, value: credential.token },
    { name: 'Connection', value: 'close' },
    ...(/^(GET|HEAD|OPTIONS)$/.test(method) ? [] : [{ name: 'Content-Length', value: '0' }]),
  ]
  const options = {
    host: reachable(listener.address),
    port: listener.port,
    method,
    path: query === '' ? path : `${path}?${query}`,
    // Node writes one byte per character.
    headers: fields.flatMap(({ name, value }) => [name, asField(value)]),
    setHost: false,
    agent: false,
    signal,
  } as const
  // A certificate of whomever will do: it is our own proxy that is asked, at its address.
  const tls = { ...TLS_POLICY, rejectUnauthorized: false, servername: host.replace(/:\d+$/, '') }
  return new Promise((resolve, reject) => {
    const sent = listener.protocol === 'https' ? httpsRequest({ ...options, ...tls }) : httpRequest(options)
    sent.once('response', resolve).once('error', reject).end()
  })
}

async function discard(response: IncomingMessage): Promise<void> {
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) break
  }
}

function decisionOf(headers: IncomingHttpHeaders): Partial<LiveDecision> {
  const names = ['route', 'origin', 'destination', 'endpoint', 'why'] as const
  const said = names.flatMap((name) => {
    const value = headers[`x-sluice-${name}`]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  return Object.fromEntries(said)
}

/** Where a listener on all addresses can be reached from here. */
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '::1' : address
}
