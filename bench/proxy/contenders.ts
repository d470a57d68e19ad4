/**
 * The proxies that are compared, each with the same rule: requests with `stage: canary` go to v2, the others 90 to 10 to v1
 * and v2; one worker, kept connections to the backends, the usual forwarding headers, its own counters on, no access log.
 */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { untilWatched } from '../../src/base/watched.ts'
import { startControlLink } from '../../src/proxy/control-link.ts'
import { liveGeneration } from '../../src/routing/data-plane.ts'
import type { Cluster, Route, RoutingSnapshot } from '../../src/routing/model.ts'
import { end, find, findEnvoy, freePort, start } from './tools.ts'

export interface Running {
  readonly name: string
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

export interface Backends {
  readonly v1: number
  readonly v2: number
}

/** Undefined: the program is not installed. */
export type Contender = (backends: Backends) => Promise<Running | undefined>

const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))

export const sluice: Contender = async (backends) => {
  const port = await freePort()
  const socketPath = join(folder, 'proxy.sock')
  const ending = new AbortController()
  const link = await startControlLink({
    socketPath,
    expected: 1,
    clock: systemClock,
    log: silentLog,
    onReport: () => {},
    signal: ending.signal,
  })
  const main = resolve(import.meta.dirname, '../../src/main.ts')
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
  link.publish(snapshot(port, backends))
  await untilWatched(link.state, (state) => liveGeneration(state) === 1)
  const stop = async (): Promise<void> => {
    await end(child)
    ending.abort()
    await link.closed
  }
  return { name: 'sluice', port, pid: child.pid ?? 0, stop }
}

function snapshot(port: number, backends: Backends): RoutingSnapshot {
  const clusters = Object.entries(backends).map(([name, backend]): Cluster => ({
    name,
    service: { namespace: 'echo', name: 'echo', port: 80 },
    endpoints: [
      {
        address: '127.0.0.1',
        port: Number(backend),
        workload: { namespace: 'echo', name: `echo-${name}`, version: name, pod: `echo-${name}-0` },
      },
    ],
    connectTimeoutMs: 5_000,
  }))
  const canary = [{ name: 'stage', value: { kind: 'exact' as const, value: 'canary' }, invert: false }]
  return {
    generation: 1,
    sources: [],
    listeners: [{ id: 'gateway-http', address: '127.0.0.1', port, protocol: 'http', routeTable: 'gateway' }],
    routeTables: [
      {
        id: 'gateway',
        virtualHosts: [
          {
            name: 'echo',
            domains: ['*'],
            routes: [route('canary', canary, { v2: 1 }), route('split', [], { v1: 90, v2: 10 })],
          },
        ],
      },
    ],
    clusters,
  }
}

function route(id: string, headers: Route['match']['headers'], weights: Readonly<Record<string, number>>): Route {
  return {
    id,
    origin: { kind: 'VirtualService', namespace: 'gloo-system', name: 'echo', generation: 1, rule: 0, match: 0 },
    match: { path: { kind: 'prefix', value: '/', caseSensitive: true }, methods: [], headers, query: [] },
    action: {
      kind: 'forward',
      split: id,
      destinations: Object.entries(weights).map(([name, weight]) => ({ kind: 'cluster', cluster: name, weight })),
    },
    policy: { timeoutMs: 15_000 },
  }
}

export const nginx: Contender = async ({ v1, v2 }) => {
  const program = await find('nginx')
  if (program === undefined) return undefined
  const port = await freePort()
  const config = await write(
    'nginx.conf',
    `${NGINX_HEAD('nginx')}
    upstream v1 { server 127.0.0.1:${v1}; keepalive 256; keepalive_requests 1000000000; }
    upstream v2 { server 127.0.0.1:${v2}; keepalive 256; keepalive_requests 1000000000; }
    split_clients $request_id $weighted { 10% v2; * v1; }
    map $http_stage $version { default $weighted; canary v2; }
    server {
      listen 127.0.0.1:${port};
      location = /stub-status { stub_status; }
      location / {
        proxy_pass http://$version;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Connection "";
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Request-Id $request_id;
      }
    }
  }`,
  )
  const child = start(program, ['-p', folder, '-c', config, '-g', 'daemon off;'])
  return { name: 'nginx', port, pid: child.pid ?? 0, stop: () => end(child) }
}

/** The backend of all: two fixed answers. */
export async function startBackends(): Promise<Running & { readonly backends: Backends }> {
  const program = await find('nginx')
  if (program === undefined) throw new Error('Cannot run the benchmark: nginx is missing. Install nginx-light')
  const backends = { v1: await freePort(), v2: await freePort() }
  const servers = Object.entries(backends).map(
    ([name, port]) => `server { listen 127.0.0.1:${port}; location / { return 200 "version:${name}\\n"; } }`,
  )
  const config = await write('backend.conf', `${NGINX_HEAD('backend')}\n${servers.join('\n')}\n}`)
  const child = start(program, ['-p', folder, '-c', config, '-g', 'daemon off;'])
  return { name: 'backend', port: backends.v1, pid: child.pid ?? 0, stop: () => end(child), backends }
}

const NGINX_HEAD = (name: string): string => `worker_processes 1;
  pid ${folder}/${name}.pid;
  error_log /dev/null;
  events { worker_connections 4096; }
  http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path ${folder}/${name}-body; proxy_temp_path ${folder}/${name}-proxy;
    fastcgi_temp_path ${folder}/${name}-fcgi; uwsgi_temp_path ${folder}/${name}-uwsgi; scgi_temp_path ${folder}/${name}-scgi;`

export const haproxy: Contender = async ({ v1, v2 }) => {
  const program = await find('haproxy')
  if (program === undefined) return undefined
  const port = await freePort()
  const config = await write(
    'haproxy.cfg',
    `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 15s
  http-reuse always
  option forwardfor
  unique-id-format %{+X}o%ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Request-Id
frontend gateway
  bind 127.0.0.1:${port}
  http-request set-header X-Forwarded-Proto http
  acl canary hdr(stage) -m str canary
  use_backend v2 if canary
  default_backend split
backend v2
  server v2 127.0.0.1:${v2}
backend split
  balance roundrobin
  server v1 127.0.0.1:${v1} weight 90
  server v2 127.0.0.1:${v2} weight 10
`,
  )
  const child = start(program, ['-db', '-f', config])
  return { name: 'haproxy', port, pid: child.pid ?? 0, stop: () => end(child) }
}

export const envoy: Contender = async ({ v1, v2 }) => {
  const program = await findEnvoy()
  if (program === undefined) return undefined
  const port = await freePort()
  const config = await write('envoy.json', JSON.stringify(envoyConfig(port, { v1, v2 })))
  const child = start(program, ['-c', config, '--concurrency', '1', '--log-level', 'error', '--use-dynamic-base-id'])
  return { name: 'envoy', port, pid: child.pid ?? 0, stop: () => end(child) }
}

function address(port: number): unknown {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}

function envoyConfig(port: number, { v1, v2 }: Backends): unknown {
  const cluster = (name: string, portValue: number) => ({
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(portValue) } }] }],
    },
  })
  const type = 'type.googleapis.com/envoy.extensions.filters'
  const manager = {
    '@type': `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'gateway',
    use_remote_address: true,
    http_filters: [{ name: 'router', typed_config: { '@type': `${type}.http.router.v3.Router` } }],
    route_config: {
      virtual_hosts: [
        {
          name: 'echo',
          domains: ['*'],
          routes: [
            {
              match: { prefix: '/', headers: [{ name: 'stage', string_match: { exact: 'canary' } }] },
              route: { cluster: 'v2' },
            },
            {
              match: { prefix: '/' },
              route: {
                weighted_clusters: {
                  clusters: [
                    { name: 'v1', weight: 90 },
                    { name: 'v2', weight: 10 },
                  ],
                },
              },
            },
          ],
        },
      ],
    },
  }
  return {
    static_resources: {
      listeners: [{ address: address(port), filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }] }],
      clusters: [cluster('v1', v1), cluster('v2', v2)],
    },
  }
}

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}
