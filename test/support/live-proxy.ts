/** A real proxy between real sockets, for tests: backends, a proxy in this process, and clients that speak raw HTTP. */
import { createServer as createHttpServer, request as httpRequest } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, RequestListener } from 'node:http'
import { BoundSocket, connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import type { Clock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Log } from '../../src/base/log.ts'
import { seededRandom } from '../../src/base/random.ts'
import { Proxy } from '../../src/proxy/proxy.ts'
import type { Cluster, Endpoint } from '../../src/routing/cluster-model.ts'
import type { HttpLimits } from '../../src/routing/listener-model.ts'
import type { Match } from '../../src/routing/match-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { RoutePolicy } from '../../src/routing/policy-model.ts'
import type { Affinity, Route } from '../../src/routing/route-model.ts'
import { TrafficRecorder } from '../../src/telemetry/recorder.ts'
import type { TrafficReport, TrafficSeries } from '../../src/telemetry/report.ts'

export interface Backend {
  readonly port: number
  /** Connections accepted so far. */
  readonly accepted: number
  /** Closes the server and its connections; the port refuses from then on. */
  close(): Promise<void>
}

export function startBackend(t: TestContext, listener: RequestListener): Promise<Backend> {
  const server = createHttpServer({ keepAliveTimeout: 60_000 }, listener)
  return listenOn(t, server)
}

/** A port that refuses connections, and that nobody else can take until the test is over. */
export function refusePort(t: TestContext): { readonly port: number } {
  const bound = new BoundSocket({ host: '127.0.0.1', port: 0 })
  t.after(() => bound.close())
  return { port: bound.address().port }
}

/** A server of raw bytes: for responses that no HTTP library would send. */
export function startRawBackend(t: TestContext, onSocket: (socket: Socket) => void): Promise<Backend> {
  return listenOn(t, createServer({ noDelay: true }, onSocket))
}

/** Answers every request with the text, its length known. */
export function saying(text: string): RequestListener {
  return (request, response) => {
    request.resume()
    response.end(text)
  }
}

/** Answers with the body of the request. */
export const echoing: RequestListener = (request, response) => {
  readBody(request).then(
    (body) => response.end(body),
    () => response.destroy(),
  )
}

async function listenOn(t: TestContext, server: Server): Promise<Backend> {
  const sockets = new Set<Socket>()
  let accepted = 0
  server.on('connection', (socket: Socket) => {
    accepted++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve())
    })
    for (const socket of sockets) socket.destroy()
    await closed
  }
  t.after(() => (server.listening ? close() : undefined))
  const { port } = server.address() as AddressInfo
  return {
    port,
    get accepted() {
      return accepted
    },
    close,
  }
}

export interface LiveProxy {
  readonly proxy: Proxy
  readonly port: number
  apply(snapshot: RoutingSnapshot): Promise<void>
  /** What was counted, by `status` or `status flag`. */
  counted(): Record<string, number>
  series(): readonly TrafficSeries[]
  /** As control gets it. */
  report(): TrafficReport
  /** The tries that were given up and sent again, by `workload status` or `workload status flag`. */
  retried(): Record<string, number>
}

export interface LiveProxyOptions {
  readonly clock?: Clock
  readonly log?: Log
  readonly onChange?: () => void
}

export async function startProxy(
  t: TestContext,
  snapshot: RoutingSnapshot,
  { clock, log = silentLog, onChange = () => {} }: LiveProxyOptions = {},
): Promise<LiveProxy> {
  const recorder = new TrafficRecorder({ proxy: 'proxy-0', startedAtMs: 0 })
  const proxy = new Proxy({
    clock: clock ?? systemClock,
    random: seededRandom(1),
    log,
    recorder,
    monotonicMs: clock === undefined ? () => performance.now() : () => clock.now(),
    onChange,
  })
  t.after(() => {
    const closed = proxy.close(0)
    return closed
  })
  const apply = async (next: RoutingSnapshot): Promise<void> => {
    const applied = await proxy.apply(next)
    if (applied.kind === 'refused') throw new Error(applied.reason)
  }
  await apply(snapshot)
  return {
    proxy,
    port: proxy.listeners[0]?.port ?? 0,
    apply,
    series: () => recorder.report().series,
    report: () => recorder.report(),
    retried: () =>
      Object.fromEntries(
        (recorder.report().retried ?? []).map(({ labels: { workload, status, flag }, tries }) => [
          `${workload} ${status} ${flag}`.trim(),
          tries,
        ]),
      ),
    counted: () =>
      Object.fromEntries(
        Object.entries(
          Object.groupBy(recorder.report().series, ({ labels }) => `${labels.status} ${labels.flag}`.trim()),
        ).map(([key, series]) => [key, (series ?? []).reduce((sum, { requests }) => sum + requests, 0)]),
      ),
  }
}

export const everyRequest: Match = {
  path: { kind: 'prefix', value: '/', caseSensitive: true },
  methods: [],
  headers: [],
  query: [],
}

export function cluster(name: string, ports: readonly number[], change: Partial<Cluster> = {}): Cluster {
  const endpoints = ports.map((port): Endpoint => ({
    address: '127.0.0.1',
    port,
    workload: { namespace: 'echo', name, version: name, pod: `${name}-${port}` },
  }))
  return { name, service: { namespace: 'echo', name: 'echo', port: 80 }, endpoints, connectTimeoutMs: 5_000, ...change }
}

/** A route that splits over the clusters by weight. */
export function route(
  id: string,
  weights: Readonly<Record<string, number>>,
  change: {
    readonly match?: Partial<Match>
    readonly policy?: Partial<RoutePolicy>
    readonly affinity?: Affinity
  } = {},
): Route {
  return {
    id,
    origin: {
      group: 'gateway.solo.io',
      kind: 'VirtualService',
      namespace: 'gloo-system',
      name: 'echo',
      generation: 1,
      rule: 0,
      match: 0,
    },
    match: { ...everyRequest, ...change.match },
    action: {
      kind: 'forward',
      split: id,
      destinations: Object.entries(weights).map(([name, weight]) => ({ kind: 'cluster', cluster: name, weight })),
      ...(change.affinity === undefined ? {} : { affinity: change.affinity }),
    },
    policy: { timeoutMs: 0, ...change.policy },
  }
}

let generation = 0

/** One listener on any port, one virtual host for all. */
export function snapshotOf(routes: readonly Route[], clusters: readonly Cluster[]): RoutingSnapshot {
  return {
    generation: ++generation,
    sources: [],
    listeners: [{ id: 'gateway-http', address: '127.0.0.1', port: 0, protocol: 'http', routeTable: 'table' }],
    routeTables: [{ id: 'table', virtualHosts: [{ name: 'all', domains: ['*'], routes }] }],
    clusters,
  }
}

/** Everything to one backend. */
export function forwardingTo(port: number, policy: Partial<RoutePolicy> = {}): RoutingSnapshot {
  return snapshotOf([route('all', { v1: 1 }, { policy })], [cluster('v1', [port])])
}

/** The snapshot with these limits at all of its listeners. */
export function withHttpLimits(snapshot: RoutingSnapshot, limits: HttpLimits): RoutingSnapshot {
  return { ...snapshot, listeners: snapshot.listeners.map((listener) => ({ ...listener, http: { limits } })) }
}

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface RequestOptions {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string | Buffer
  /** Of this machine; 127.0.0.1 unless said otherwise. */
  readonly address?: string
}

/** One request on a connection of its own, by Node's client. */
export function fetchFrom(
  port: number,
  { method = 'GET', path = '/', headers = {}, body, address: host = '127.0.0.1' }: RequestOptions = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host, port, method, path, headers, agent: false }, (response) => {
      readBody(response).then(
        (text) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        reject,
      )
    })
    request.on('error', reject)
    request.end(body)
  })
}

export async function readBody(message: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of message) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}

/** A client that sends bytes as they are and reads what comes. */
export class RawClient {
  readonly socket: Socket
  #text = ''
  #isClosed = false
  #wake: () => void = () => {}

  constructor(t: TestContext, port: number) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
    this.socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1')
      this.#wake()
    })
    this.socket.on('error', () => {})
    this.socket.on('end', () => this.#close())
    this.socket.on('close', () => this.#close())
    t.after(() => this.socket.destroy())
  }

  send(bytes: string): this {
    this.socket.write(bytes, 'latin1')
    return this
  }

  /** Everything that came, once `predicate` holds of it; rejects when the proxy closes before. */
  async until(predicate: (text: string) => boolean): Promise<string> {
    while (!predicate(this.#text)) {
      if (this.#isClosed) throw new Error(`closed after ${JSON.stringify(this.#text)}`)
      await this.#more()
    }
    return this.#text
  }

  /** Everything that came until the proxy ended the connection. */
  async untilClosed(): Promise<string> {
    while (!this.#isClosed) await this.#more()
    return this.#text
  }

  /** Forgets what came so far. */
  clear(): void {
    this.#text = ''
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #close(): void {
    this.#isClosed = true
    this.#wake()
  }
}

/** Lets the event loop turn until the condition holds: for states that no event announces. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}
