import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { systemClock } from '../../../src/base/clock.ts'
import { silentLog } from '../../../src/base/log.ts'
import { untilWatched } from '../../../src/base/watched.ts'
import { startControlLink } from '../../../src/proxy/control-link.ts'
import { ACCESS_LOG_TEMPLATE } from '../../../src/routing/access-log.ts'
import { liveGeneration } from '../../../src/routing/data-plane.ts'
import type { Cluster } from '../../../src/routing/cluster-model.ts'
import type { Listener } from '../../../src/routing/listener-model.ts'
import type { RoutingSnapshot } from '../../../src/routing/model.ts'
import type { Route, VirtualHost } from '../../../src/routing/route-model.ts'

import { hostName } from '../scenarios.ts'
import type { Features } from '../scenarios.ts'
import { end, freePort, start } from '../tools.ts'
import { folder } from './contender.ts'
import type { Contender, Surroundings } from './contender.ts'

export const sluice: Contender = async (surroundings, features) => {
  const port = await freePort()
  const socketPath = join(folder, `proxy-${port}.sock`)
  const ending = new AbortController()
  const link = await startControlLink({
    socketPath,
    expected: 1,
    clock: systemClock,
    log: silentLog,
    onReport: () => {},
    signal: ending.signal,
  })
  const main = resolve(import.meta.dirname, '../../../src/main.ts')
  const extra = (process.env['SLUICE_BENCH_NODE_OPTIONS'] ?? '').split(' ').filter((each) => each !== '')
  const child = start(process.execPath, [
    ...extra,
    main,
    'proxy',
    'run',
    '--socket',
    socketPath,
    '--log-level',
    'error',
  ])
  link.publish(await snapshot(port, surroundings, features))
  await untilWatched(link.state, (state) => liveGeneration(state) === 1)
  const stop = async (): Promise<void> => {
    await end(child)
    ending.abort()
    await link.closed
  }
  return { name: 'sluice', port, pid: child.pid ?? 0, stop }
}

async function snapshot(port: number, surroundings: Surroundings, features: Features): Promise<RoutingSnapshot> {
  const { v1, v2 } = surroundings
  return {
    generation: 1,
    sources: [],
    listeners: [await listener(port, surroundings, features)],
    routeTables: [{ id: 'gateway', virtualHosts: virtualHosts(features.hosts) }],
    clusters: Object.entries({ v1, v2 }).map(([name, backend]): Cluster => ({
      name,
      service: { namespace: 'echo', name: 'echo', port: 80 },
      endpoints: [
        {
          address: '127.0.0.1',
          port: backend,
          workload: { namespace: 'echo', name: `echo-${name}`, version: name, pod: `echo-${name}-0` },
        },
      ],
      connectTimeoutMs: 5_000,
    })),
  }
}

async function listener(port: number, surroundings: Surroundings, { tls, telling }: Features): Promise<Listener> {
  const base = { id: 'gateway-http', address: '127.0.0.1', port, routeTable: 'gateway' }
  const http = telling
    ? {
        accessLog: {
          path: join(folder, 'sluice.log'),
          format: { kind: 'text' as const, template: ACCESS_LOG_TEMPLATE },
        },
        tracing: {
          sampledShare: 0.01,
          propagation: ['b3' as const],
          serviceName: 'gateway',
          export: { kind: 'zipkin' as const, url: `http://127.0.0.1:${surroundings.collector}/api/v2/spans` },
        },
      }
    : {}
  if (!tls) return { ...base, protocol: 'http', http }
  const certificate = await readFile(surroundings.certificate, 'utf8')
  const privateKey = await readFile(surroundings.privateKey, 'utf8')
  const certificates = [{ serverNames: [], certificate, privateKey }]
  return { ...base, protocol: 'https', tls: { certificates, minVersion: 'TLSv1.2' }, http }
}

function virtualHosts(count: number): readonly VirtualHost[] {
  const canary = [{ name: 'stage', value: { kind: 'exact' as const, value: 'canary' }, invert: false }]
  return Array.from({ length: count }, (_, index) => ({
    name: `echo-${index}`,
    domains: [count === 1 ? '*' : hostName(index)],
    routes: [route(`canary-${index}`, canary, { v2: 1 }), route(`split-${index}`, [], { v1: 90, v2: 10 })],
  }))
}

function route(id: string, headers: Route['match']['headers'], weights: Readonly<Record<string, number>>): Route {
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
    match: { path: { kind: 'prefix', value: '/', caseSensitive: true }, methods: [], headers, query: [] },
    action: {
      kind: 'forward',
      split: id,
      destinations: Object.entries(weights).map(([name, weight]) => ({ kind: 'cluster', cluster: name, weight })),
    },
    policy: { timeoutMs: 15_000 },
  }
}
