/**
 * Routing that changes all the time, in one random way after the other, and what must be true of every answer meanwhile. The
 * route of a request names the snapshot that it comes from, to the endpoint and to the client; endpoints name themselves.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { assertNever } from '../../src/base/assert.ts'
import type { Random } from '../../src/base/random.ts'
import type { Cluster } from '../../src/routing/cluster-model.ts'
import type { HttpPolicy } from '../../src/routing/listener-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { RoutePolicy } from '../../src/routing/policy-model.ts'
import type { Route } from '../../src/routing/route-model.ts'
import type { LoadAnswer } from './kept-load.ts'
import { cluster, readBody, route, snapshotOf } from './live-proxy.ts'

/** All are plain prefixes, so they overlap and their order matters. What none of them takes is for `rest`. */
const PREFIXES = ['/x', '/x/y', '/x/y/z', '/w', '/w/v']
const ENDPOINTS_MAX = 4

type ClusterName = 'blue' | 'green'

/** An endpoint of its own address, as pods have. */
interface Pod {
  readonly name: string
  readonly address: string
  readonly port: number
  close(): Promise<void>
}

/** What one snapshot holds, as far as answers show it. */
interface Wish {
  readonly order: readonly string[]
  readonly weights: Readonly<Record<ClusterName, number>>
  readonly pods: Readonly<Record<ClusterName, readonly Pod[]>>
  readonly policy: Partial<RoutePolicy>
  readonly clusters: Partial<Cluster>
  readonly http: HttpPolicy
}

const POLICIES: readonly Partial<RoutePolicy>[] = [
  {},
  { timeoutMs: 60_000 },
  { idleTimeoutMs: 60_000, timeoutMs: 90_000 },
  { rewrite: { authority: 'inner.example.com' } },
  { rewrite: { path: { kind: 'regex', pattern: '^/x', value: '/rewritten' } } },
  {
    retry: {
      attempts: 2,
      on: ['connect-failure'],
      statuses: [],
      perTryTimeoutMs: 0,
      backoff: { initialMs: 1, maxMs: 5 },
      budget: 0.2,
    },
  },
  { fault: { abort: { share: 0, status: 500 } } },
  { mirrors: [{ cluster: 'blue', share: 0.5 }] },
]

const CLUSTERS: readonly Partial<Cluster>[] = [
  {},
  { balance: { kind: 'least-request' } },
  { balance: { kind: 'random' } },
  { balance: { kind: 'maglev', key: { kind: 'header', name: 'x-user' } } },
  { slowStart: { windowMs: 1_000, aggression: 1, minWeightShare: 0.1 } },
  { preferLocal: { overprovisioning: 1.4 } },
  {
    limits: {
      connectionsMax: 1_000,
      pendingMax: 1_000,
      requestsMax: 1_000,
      retriesMax: 3,
      requestsPerConnectionMax: 10,
    },
  },
  {
    outlier: {
      consecutive5xx: 5,
      consecutiveGatewayErrors: 0,
      intervalMs: 1_000,
      baseEjectionMs: 1_000,
      maxEjectionMs: 10_000,
      ejectedShareMax: 0.5,
    },
  },
]

const LISTENERS: readonly HttpPolicy[] = [
  {},
  { edge: false },
  { edge: true, trustedHops: 1 },
  { limits: { headBytesMax: 16_384, headerFieldsMax: 50 } },
  { limits: { bodyBytesMax: 1_000_000, connectionsMax: 1_000 } },
  { accessLog: { path: '/dev/null', format: { kind: 'text', template: '%REQ(:PATH)% %RESPONSE_CODE%\n' } } },
  { tracing: { sampledShare: 0.5, propagation: ['w3c', 'b3'], serviceName: 'world' } },
  { limits: { headTimeoutMs: 20_000, bodyIdleTimeoutMs: 20_000, keepAliveTimeoutMs: 600_000 } },
]

type Change =
  | 'weights'
  | 'pod comes'
  | 'pod leaves'
  | 'route comes'
  | 'route leaves'
  | 'order'
  | 'policy'
  | 'clusters'
  | 'listener'
const CHANGES: readonly Change[] = [
  'weights',
  'pod comes',
  'pod leaves',
  'route comes',
  'route leaves',
  'order',
  'policy',
  'clusters',
  'listener',
]

export class ChangingWorld {
  readonly #random: Random
  readonly #wishes = new Map<number, Wish>()
  readonly #held: (() => void)[] = []
  #wish: Wish
  #generation = 0
  #pods = 0
  /** How often each kind of change was made. */
  readonly made = new Map<Change, number>()

  private constructor(random: Random, wish: Wish) {
    this.#random = random
    this.#wish = wish
  }

  static async start(random: Random): Promise<ChangingWorld> {
    const pods = { blue: [], green: [] }
    const world = new ChangingWorld(random, {
      order: PREFIXES,
      weights: { blue: 3, green: 1 },
      pods,
      policy: {},
      clusters: {},
      http: {},
    })
    world.#wish = { ...world.#wish, pods: { blue: [await world.#startPod()], green: [await world.#startPod()] } }
    return world
  }

  /** As it is now; `next` comes first. */
  snapshot(): RoutingSnapshot {
    const { order, weights, pods, policy, clusters: settings, http } = this.#wish
    const generation = ++this.#generation
    this.#wishes.set(generation, this.#wish)
    const clusters = (['blue', 'green'] as const).map((name) => ({ ...clusterOf(name, pods[name]), ...settings }))
    const routes = [...order, '/'].map((prefix) => routeOf(prefix, { generation, weights, policy }))
    const base = snapshotOf(routes, clusters)
    return { ...base, generation, listeners: base.listeners.map((each) => ({ ...each, http })) }
  }

  /** Changes one thing, where it can; returns the pod that has left, which may still have requests. */
  async next(): Promise<Pod | undefined> {
    const change = CHANGES[this.#below(CHANGES.length)] ?? 'weights'
    const before = podsOf(this.#wish)
    const wish = await this.#change(change)
    if (wish === undefined) return undefined
    this.made.set(change, (this.made.get(change) ?? 0) + 1)
    this.#wish = { ...this.#wish, ...wish }
    const after = new Set(podsOf(this.#wish))
    return before.find((pod) => !after.has(pod))
  }

  /** A snapshot that no proxy may take over. */
  broken(): RoutingSnapshot {
    const generation = ++this.#generation
    return { ...snapshotOf([route('all', { nobody: 1 })], []), generation }
  }

  /** Lets the answers that pods hold back go on. */
  release(): void {
    for (const go of this.#held.splice(0)) go()
  }

  async stop(): Promise<void> {
    this.release()
    await Promise.all(podsOf(this.#wish).map((pod) => pod.close()))
  }

  /**
   * `acknowledged`: the snapshot that was in use when the request was sent; `published`: the newest when its answer was here. The
   * route is of one between them, and the endpoint of that or, where another had to be looked for, of a later one.
   */
  judge({ request, status, headers, body }: LoadAnswer, acknowledged: number, published: number): void {
    const about = JSON.stringify({
      request: { ...request, body: request.body?.length },
      status,
      headers,
      body: body.slice(0, 200),
    })
    assert.equal(status, 200, about)
    assert.equal(body, request.body ?? '', about)
    const generation = Number(headers['x-generation'])
    assert.ok(generation >= acknowledged, `stale: ${generation}, and ${acknowledged} was acknowledged: ${about}`)
    assert.ok(generation <= published, about)
    assert.equal(headers['x-endpoint-saw'], `${generation}`, about)
    const wish = this.#wishes.get(generation)
    assert.ok(wish !== undefined, `of a snapshot that was refused: ${about}`)
    const wanted = wish.order.find((prefix) => request.path.startsWith(prefix)) ?? '/'
    assert.equal(headers['x-route'], wanted, about)
    this.#judgePod(String(headers['x-pod']), { wish, generation, published }, about)
  }

  #judgePod(
    pod: string,
    { wish, generation, published }: { readonly wish: Wish; readonly generation: number; readonly published: number },
    about: string,
  ): void {
    for (let later = generation; later <= published; later++) {
      const { pods } = this.#wishes.get(later) ?? { pods: { blue: [], green: [] } }
      const owner = (['blue', 'green'] as const).find((name) => pods[name].some((each) => each.name === pod))
      if (owner === undefined) continue
      assert.ok(wish.weights[owner] > 0, `${owner} has no weight in ${generation}: ${about}`)
      return
    }
    assert.fail(`no endpoint of ${generation} to ${published}: ${about}`)
  }

  /** Undefined: not possible now. */
  async #change(change: Change): Promise<Partial<Wish> | undefined> {
    const { order, weights, pods } = this.#wish
    const [name, other]: readonly ClusterName[] = this.#random() < 0.5 ? ['blue', 'green'] : ['green', 'blue']
    if (name === undefined || other === undefined) return undefined
    switch (change) {
      case 'weights': {
        const rest = this.#random() < 0.5 || pods[other].length === 0 ? 0 : this.#below(100)
        const next = { ...weights, [name]: 1 + this.#below(100), [other]: rest }
        return pods[name].length === 0 ? undefined : { weights: next }
      }
      case 'pod comes':
        if (pods[name].length >= ENDPOINTS_MAX) return undefined
        return { pods: { ...pods, [name]: [...pods[name], await this.#startPod()] } }
      case 'pod leaves':
        // As in a release: the last one leaves only once nothing goes there.
        if (pods[name].length <= (weights[name] > 0 ? 1 : 0)) return undefined
        return { pods: { ...pods, [name]: pods[name].toSpliced(this.#below(pods[name].length), 1) } }
      case 'route comes': {
        const missing = PREFIXES.filter((prefix) => !order.includes(prefix))
        const prefix = missing[this.#below(missing.length)]
        return prefix === undefined ? undefined : { order: order.toSpliced(this.#below(order.length + 1), 0, prefix) }
      }
      case 'route leaves':
        return order.length === 0 ? undefined : { order: order.toSpliced(this.#below(order.length), 1) }
      case 'order':
        return order.length < 2 ? undefined : { order: [...order.slice(1), ...order.slice(0, 1)] }
      case 'policy':
        return { policy: POLICIES[this.#below(POLICIES.length)] ?? {} }
      case 'clusters':
        return { clusters: CLUSTERS[this.#below(CLUSTERS.length)] ?? {} }
      case 'listener':
        return { http: LISTENERS[this.#below(LISTENERS.length)] ?? {} }
      default:
        return assertNever(change, 'change')
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #startPod(): Promise<Pod> {
    const index = this.#pods++
    const address = `127.0.${64 + Math.floor(index / 250)}.${1 + (index % 250)}`
    return startPod(`pod-${index}`, address, (go) => this.#held.push(go))
  }
}

function podsOf({ pods }: Wish): readonly Pod[] {
  return [...pods.blue, ...pods.green]
}

function clusterOf(name: ClusterName, pods: readonly Pod[]): Cluster {
  return { ...cluster(name, []), endpoints: pods.map(({ address, port }) => ({ address, port })) }
}

function routeOf(
  prefix: string,
  { generation, weights, policy }: Pick<Wish, 'weights' | 'policy'> & { readonly generation: number },
): Route {
  const set = [
    { name: 'x-generation', value: `${generation}` },
    { name: 'x-route', value: prefix },
  ]
  const edits = { remove: [], set, add: [] }
  return route(prefix, weights, {
    match: { path: { kind: 'prefix', value: prefix, caseSensitive: true } },
    policy: { ...policy, requestHeaders: edits, responseHeaders: edits },
  })
}

/** Answers with what it got; what asks for it gets the end of its answer when it is let go. */
async function startPod(name: string, address: string, hold: (go: () => void) => void): Promise<Pod> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader('x-pod', name)
    response.setHeader('x-endpoint-saw', request.headers['x-generation'] ?? '')
    const body = await readBody(request)
    if (request.headers['x-held'] === undefined) return void response.end(body)
    response.flushHeaders()
    hold(() => response.end(body))
  }
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, address, resolve)
  })
  return {
    name,
    address,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
