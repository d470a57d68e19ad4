/**
 * The admin port of a data plane: what it serves and how it is, over plain HTTP. It changes nothing except by `/drain`, and
 * shows no private key.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline, Readable } from 'node:stream'

import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Explained } from '../routing/explanation.ts'

const HEADER_BYTES_MAX = 16 * 1024
const CONNECTIONS_MAX = 128
/** For a request to be here whole, and without a byte either way: who waits longer keeps the port from others. */
const SLOW_CLIENT_TIMEOUT_MS = 5_000
const SLOW_CLIENT_CHECK_MS = 1_000

/** Whatever is asked through the port. */
export interface AdminSource {
  /** Prometheus' text, in parts. */
  metrics(): Iterable<string>
  config(): unknown
  clusters(): Promise<unknown>
  /** The question as `questionToQuery` writes it. */
  explain(query: URLSearchParams): Promise<Explained>
  /** Why it does not serve; undefined: it does. */
  unready(): string | undefined
  /** Begins the end; returns at once. */
  drain(): void
}

export interface AdminOptions {
  readonly address: string
  /** 0: any free port. */
  readonly port: number
  readonly source: AdminSource
  readonly log: Log
  /** Closes the port. */
  readonly signal: AbortSignal
  readonly slowClientMs?: number
}

interface Answer {
  readonly status: number
  readonly type: string
  /** Whole, or in parts that come to more than there is memory for. */
  readonly body: string | { readonly parts: Iterable<string> }
}

interface Page {
  readonly path: string
  readonly method: 'GET' | 'POST'
  readonly help: string
  readonly answer: (source: AdminSource, query: URLSearchParams) => Answer | Promise<Answer>
}

const PAGES: readonly Page[] = [
  {
    path: '/ready',
    method: 'GET',
    help: '200 when requests are served, 503 before, and from the beginning of the end',
    answer: (source) => {
      const why = source.unready()
      return why === undefined ? plain(200, 'ready\n') : plain(503, `not ready: ${why}\n`)
    },
  },
  {
    path: '/config',
    method: 'GET',
    help: 'what is served, and what is wrong with the file as it is now',
    answer: (source) => json(source.config()),
  },
  {
    path: '/clusters',
    method: 'GET',
    help: 'clusters and their endpoints, with requests and connections',
    answer: async (source) => json(await source.clusters()),
  },
  {
    path: '/explain',
    method: 'GET',
    help: 'why a request is routed as it is: ?url=host/path&method=GET&header=name:value',
    answer: async (source, query) => {
      const explained = await source.explain(query)
      return explained.kind === 'explained' ? json(explained.explanation) : plain(400, `${explained.message}\n`)
    },
  },
  {
    path: '/metrics',
    method: 'GET',
    help: 'counts of requests, in Prometheus’ format',
    answer: (source) => ({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      body: { parts: source.metrics() },
    }),
  },
  {
    path: '/drain',
    method: 'POST',
    help: 'stop accepting, finish what is under way, end',
    answer: (source) => {
      source.drain()
      return plain(202, 'draining\n')
    },
  },
]

/** Resolves with the port once it listens. */
export function startAdmin({
  address,
  port,
  source,
  log,
  signal,
  slowClientMs = SLOW_CLIENT_TIMEOUT_MS,
}: AdminOptions): Promise<number> {
  const options = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: slowClientMs,
    requestTimeout: slowClientMs,
    connectionsCheckingInterval: Math.min(slowClientMs, SLOW_CLIENT_CHECK_MS),
  }
  const server = createServer(options, (request, response) => {
    answer(request, source).then(
      (ready) => send(response, ready),
      (error: unknown) => {
        log.error('admin request failed', { url: request.url, error })
        send(response, plain(500, `Cannot answer: ${messageOf(error)}\n`))
      },
    )
  })
  server.maxConnections = CONNECTIONS_MAX
  server.setTimeout(slowClientMs)
  // One client could not be accepted, for example: out of file descriptors.
  server.on('error', (error) => log.warn('admin port', { error }))
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: address, port }, () => {
      signal.addEventListener('abort', close, { once: true })
      if (signal.aborted) close()
      const bound = server.address()
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port)
    })
  })
}

async function answer(request: IncomingMessage, source: AdminSource): Promise<Answer> {
  const target = URL.parse(request.url ?? '/', 'http://admin')
  if (target === null) return plain(400, 'Cannot read the path\n')
  const { pathname, searchParams } = target
  const method = request.method === 'HEAD' ? 'GET' : request.method
  if (pathname === '/' && method === 'GET') return plain(200, helpText())
  const page = PAGES.find(({ path }) => path === pathname)
  if (page === undefined) return plain(404, `There is no ${pathname} here.\n\n${helpText()}`)
  if (page.method !== method) return plain(405, `${pathname} is for ${page.method}\n`)
  // A page in somebody's browser may send a POST to loopback; programs have no origin.
  if (method === 'POST' && request.headers.origin !== undefined) return plain(403, 'Not for pages in a browser\n')
  return page.answer(source, searchParams)
}

function helpText(): string {
  const lines = PAGES.map(({ method, path, help }) => `${method.padEnd(4)} ${path.padEnd(9)} ${help}\n`)
  return `Sluice data plane\n\n${lines.join('')}`
}

function plain(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body }
}

function json(value: unknown): Answer {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value, withoutKeys, 2)}\n` }
}

/** Whatever field it stands in: a text with a private key is not shown. */
function withoutKeys(_name: string, value: unknown): unknown {
  return typeof value === 'string' && value.includes('PRIVATE KEY-----') ? '(private key)' : value
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  const headers = { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }
  if (typeof body === 'string') {
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
    response.end(body)
    return
  }
  response.writeHead(status, headers)
  // A client that goes ends it; there is nobody to tell.
  pipeline(Readable.from(body.parts), response, () => {})
}
