/** At which listener a request comes in, and what an edge there takes away from it. */
import { DEBUG_HEADER, believedScheme, isForwardedHeader, isInternalHeader } from '../edge-headers.ts'
import type { ExplainedListener, ExplainedRequest, Observed } from '../explanation.ts'
import type { Listener } from '../listener-model.ts'
import type { RoutingSnapshot } from '../model.ts'

export type ListenerChoice =
  | { readonly kind: 'chosen'; readonly listener: Listener; readonly why: string }
  /** Why there is none, and what to do. */
  | { readonly kind: 'refused'; readonly why: string }

/** By its id, else by the URL's port, else by its scheme; the only one there is takes everything. */
export function chooseListener(
  { listeners, tcpListeners = [] }: RoutingSnapshot,
  request: ExplainedRequest,
  asked: { readonly id?: string | undefined; readonly observed?: Observed | undefined },
): ListenerChoice {
  const ids = listeners.map(({ id }) => id).join(', ')
  if (asked.id !== undefined) {
    const named = listeners.find(({ id }) => id === asked.id)
    if (named !== undefined) return { kind: 'chosen', listener: named, why: 'asked for' }
    if (tcpListeners.some(({ id }) => id === asked.id))
      return refused(`listener "${asked.id}" routes connections, not requests`)
    return refused(`there is no listener "${asked.id}"; there are: ${ids || 'none'}`)
  }
  const [first, ...others] = listeners
  if (first === undefined) return refused('nothing listens for HTTP requests; the routes have no listener')
  const byPort = listeners.filter(
    (listener) => request.scheme !== undefined && portOf(listener, asked.observed) === urlPort(request),
  )
  if (byPort.length === 1) return only(byPort, 'the one on the URL’s port')
  if (others.length === 0) return { kind: 'chosen', listener: first, why: 'the only one' }
  const protocol = request.scheme ?? 'http'
  const speaking = listeners.filter((listener) => listener.protocol === protocol)
  if (speaking.length === 1) return only(speaking, `the only one for ${protocol}`)
  return refused(`several listeners may be meant; add --listener with one of ${ids}`)
}

/** As a proxy says where it listens; else as configured. */
export function describeListener(
  { id, protocol, address, port }: Listener,
  why: string,
  {
    observed,
    removedHeaders,
  }: { readonly observed?: Observed | undefined; readonly removedHeaders: readonly string[] },
): ExplainedListener {
  const bound = observed?.listeners.find((each) => each.id === id)
  const where = bound === undefined ? { address, port } : { address: bound.address, port: bound.port }
  const error = bound?.error === undefined ? {} : { error: bound.error }
  return { id, protocol, ...where, why, ...error, removedHeaders }
}

/** The request as routing sees it. */
export function behindEdge(
  { http }: Listener,
  request: ExplainedRequest,
): { readonly request: ExplainedRequest; readonly removedHeaders: readonly string[] } {
  const isRemoved = (name: string): boolean => {
    if (name === DEBUG_HEADER) return true
    if (http?.edge === false || !isInternalHeader(name)) return false
    return !((http?.trustedHops ?? 0) > 0 && isForwardedHeader(name))
  }
  const removed = request.headers.filter(({ name }) => isRemoved(name)).map(({ name }) => name)
  if (removed.length === 0) return { request, removedHeaders: [] }
  const headers = request.headers.filter(({ name }) => !isRemoved(name))
  return { request: { ...request, headers }, removedHeaders: [...new Set(removed)] }
}

/** The client's, where a proxy before us that is believed says what it is. `request`: behind the edge. */
export function clientScheme(
  { protocol, http }: Listener,
  { headers }: Pick<ExplainedRequest, 'headers'>,
): Listener['protocol'] {
  if (http?.edge !== false && (http?.trustedHops ?? 0) === 0) return protocol
  const said = headers.filter(({ name }) => name === 'x-forwarded-proto').map(({ value }) => value)
  return believedScheme(protocol, said.length === 0 ? undefined : said.join(','))
}

function refused(why: string): ListenerChoice {
  return { kind: 'refused', why }
}

function only([listener]: readonly Listener[], why: string): ListenerChoice {
  return listener === undefined ? refused('there is no listener') : { kind: 'chosen', listener, why }
}

function portOf({ id, port }: Listener, observed: Observed | undefined): number {
  return observed?.listeners.find((bound) => bound.id === id)?.port ?? port
}

function urlPort({ host, scheme }: ExplainedRequest): number {
  const [, port = ''] = /:([0-9]+)$/.exec(host) ?? []
  if (port !== '') return Number(port)
  return scheme === 'https' ? 443 : 80
}
