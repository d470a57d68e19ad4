/** From a raw HTTP request to its answer: who asks, what for, and what goes wrong on the way. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { messageOf } from '../../base/errors.ts'
import { ApiError } from '../../kube/api-error.ts'
import { discoveryReply } from '../discovery/discovery-requests.ts'
import type { Served } from '../discovery/served.ts'
import { internal, methodNotAllowed, noSuchResource } from '../registry/errors.ts'
import type { Authenticate } from './authenticate.ts'
import { accessOf, demand } from './authorize.ts'
import type { Authorizer } from './authorize.ts'
import { decodeBody } from './decode-body.ts'
import type { Exchange } from './exchange.ts'
import { healthReply } from './health.ts'
import { errorReply, jsonReply, sendReply } from './reply.ts'
import type { Reply } from './reply.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { ownReply } from './own-surface.ts'
import type { OwnPaths } from './own-surface.ts'
import { parseTarget } from './request-target.ts'
import type { ResourceTarget } from './request-target.ts'
import { resourceReply } from './resource-requests.ts'
import type { ResourceOptions } from './resource-requests.ts'
import { answerReview, findReview } from './reviews.ts'
import { findSchemaIn } from './schemas.ts'
import type { Upgrade } from './upgrades.ts'

export interface HandlerOptions extends ResourceOptions {
  readonly authenticate: Authenticate
  readonly authorizer: Authorizer
  readonly served: Served
  readonly version: Readonly<Record<string, string>>
  /** Metrics of other parts, in Prometheus' text format. */
  readonly otherMetrics: () => Iterable<string>
  readonly ownPaths: OwnPaths
  readonly metrics: RequestMetrics
  /** Why the server is not healthy, if it is not. */
  readonly failing: () => string | undefined
  readonly signal: AbortSignal
}

/** A request of which nothing is known yet, not even who asks. */
type Incoming = Omit<Exchange, 'demand'>

export type RequestHandler = (request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade) => Promise<void>

export function requestHandler(options: HandlerOptions): RequestHandler {
  const { context, metrics } = options
  return async (request, response, upgrade) => {
    const startMs = context.clock.now()
    const url = parseUrl(request)
    const closed = new AbortController()
    response.once('close', () => closed.abort())
    const signal = AbortSignal.any([closed.signal, options.signal])
    const incoming: Incoming = {
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      request,
      response,
      signal,
      ...(upgrade === undefined ? {} : { upgrade }),
    }
    const target = parseTarget(incoming.path)
    const reply = await answer(options, incoming, target)
    if (reply === undefined) return
    const acceptsGzip = (request.headers['accept-encoding'] ?? '').includes('gzip')
    await sendReply(response, reply, acceptsGzip)
    context.log.debug('request answered', { method: incoming.method, path: request.url, code: reply.code })
    metrics.record(labelsOf(options, incoming, target, reply.code), (context.clock.now() - startMs) / 1000)
  }
}

async function answer(
  options: HandlerOptions,
  exchange: Incoming,
  target: ResourceTarget | undefined,
): Promise<Reply | undefined> {
  try {
    return await route(options, exchange, target)
  } catch (error) {
    return failed(options, exchange, error)
  }
}

async function route(
  options: HandlerOptions,
  incoming: Incoming,
  target: ResourceTarget | undefined,
): Promise<Reply | undefined> {
  const user = options.authenticate({ path: incoming.path, headers: incoming.request.headers })
  const access = accessOf(incoming, target)
  const mayDo = (verb: string): Promise<void> => demand(options.authorizer, user, { ...access, verb })
  await mayDo(access.verb)
  const exchange: Exchange = { ...incoming, demand: mayDo }
  const own = ownReply(options.ownPaths, exchange)
  if (own !== undefined) return own
  const fixed = fixedReply(options, exchange)
  if (fixed !== undefined) return fixed
  if (target === undefined) throw noSuchResource()
  const review = findReview(target.group, target.version, target.plural)
  if (review === undefined) return resourceReply(options, exchange, target)
  if (exchange.method !== 'POST') throw methodNotAllowed()
  const body = await decodeBody(exchange.request, findSchemaIn(options.context.registry))
  return jsonReply(201, await answerReview(review, body.value, { user, authorizer: options.authorizer }))
}

/** Paths that are not about objects. */
function fixedReply(options: HandlerOptions, exchange: Exchange): Reply | undefined {
  const { path, query, method } = exchange
  if (method !== 'GET' && method !== 'HEAD') return undefined
  if (path === '/version' || path === '/version/') return jsonReply(200, options.version)
  if (path === '/metrics') return metricsReply(options)
  if (path === '/') return jsonReply(200, { paths: pathsOf(options) })
  return (
    healthReply(path, query, options.failing()) ??
    options.served.openApi.reply(exchange) ??
    discoveryReply(options.served.groups, exchange)
  )
}

function pathsOf({ ownPaths }: HandlerOptions): readonly string[] {
  return ['/api', '/apis', '/healthz', '/metrics', '/openapi/v3', '/version', ...Object.keys(ownPaths)].toSorted()
}

function metricsReply({ metrics, otherMetrics }: HandlerOptions): Reply {
  const parts = function* (): Generator<string, undefined> {
    yield metrics.text()
    yield* otherMetrics()
  }
  return { code: 200, contentType: 'text/plain; version=0.0.4; charset=utf-8', body: { parts: parts() } }
}

async function failed(options: HandlerOptions, exchange: Incoming, error: unknown): Promise<Reply | undefined> {
  const { context } = options
  // A refusal may rest on a write of the same turn: it is told only once that write is durable.
  if (error instanceof ApiError) await context.store.settled()
  else context.log.error('request failed', { method: exchange.method, path: exchange.path, error })
  if (exchange.response.headersSent) {
    exchange.response.destroy()
    return undefined
  }
  return errorReply(error instanceof ApiError ? error : internal(messageOf(error)))
}

function parseUrl(request: IncomingMessage): URL {
  return URL.parse(request.url ?? '/', 'https://server') ?? new URL('https://server/')
}

function labelsOf(
  { context }: HandlerOptions,
  { method }: Incoming,
  target: ResourceTarget | undefined,
  code: number,
): Parameters<RequestMetrics['record']>[0] {
  const kind = target && context.registry.find(target.group, target.version, target.plural)
  if (kind === undefined) return { verb: method, group: '', resource: '', code }
  const verb = method === 'GET' && target?.name === undefined ? 'LIST' : method
  return { verb, group: kind.type.group, resource: kind.type.plural, code }
}
