import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answering } from '../../test/routing-cases.ts'
import { checkSnapshot } from './check.ts'
import type { Cluster } from './cluster-model.ts'
import type { Listener, TcpListener, TcpRoute } from './listener-model.ts'
import type { RoutingSnapshot } from './model.ts'
import type { Route } from './route-model.ts'

const cluster: Cluster = {
  name: 'v1',
  service: { namespace: 'echo', name: 'echo', port: 80 },
  endpoints: [{ address: '127.0.0.1', port: 8080 }],
  connectTimeoutMs: 1_000,
}

const forwarding: Route = {
  ...answering('r'),
  action: { kind: 'forward', split: 'r', destinations: [{ kind: 'cluster', cluster: 'v1', weight: 1 }] },
}

function snapshot(change: Partial<RoutingSnapshot> & { readonly routes?: readonly Route[] }): RoutingSnapshot {
  const { routes = [forwarding], ...rest } = change
  return {
    generation: 1,
    sources: [],
    listeners: [{ id: 'l', address: '127.0.0.1', port: 0, protocol: 'http', routeTable: 't' }],
    routeTables: [{ id: 't', virtualHosts: [{ name: 'h', domains: ['*'], routes }] }],
    clusters: [cluster],
    ...rest,
  }
}

const findings = (checked: RoutingSnapshot) =>
  checkSnapshot(checked).map(({ severity, code, path }) => `${severity} ${code} ${path}`)

test('a good snapshot has nothing to report', () => {
  assert.deepEqual(findings(snapshot({})), [])
})

test('a listener must name a route table that exists', () => {
  assert.deepEqual(findings(snapshot({ routeTables: [] })), ['error unknown-route-table listeners[0].routeTable'])
})

test('a destination and a fallback must name a cluster that exists', () => {
  const clusters = [{ ...cluster, name: 'v2', fallback: 'v3' }]
  assert.deepEqual(findings(snapshot({ clusters })), [
    'error unknown-cluster routeTables[0].virtualHosts[0].routes[0].action.destinations[0].cluster',
    'error unknown-cluster clusters[0].fallback',
  ])
})

test('weights must be whole, not negative, and not all 0', () => {
  const weighted = (weight: number): Route => ({
    ...forwarding,
    action: { kind: 'forward', split: 'r', destinations: [{ kind: 'cluster', cluster: 'v1', weight }] },
  })
  const at = 'routeTables[0].virtualHosts[0].routes[0].action.destinations'
  assert.deepEqual(findings(snapshot({ routes: [weighted(0)] })), [`error weight-sum ${at}`])
  assert.deepEqual(findings(snapshot({ routes: [weighted(1.5)] })), [`error bad-weight ${at}[0].weight`])
  assert.deepEqual(findings(snapshot({ routes: [weighted(Number.NaN)] })), [
    `error weight-sum ${at}`,
    `error bad-weight ${at}[0].weight`,
  ])
})

test('every regex must compile as RE2, and the message says which does not', () => {
  const routes = [
    answering('a', { path: { kind: 'regex', value: '(' } }),
    answering('b', { headers: [{ name: 'x', value: { kind: 'regex', value: '(?=look)' }, invert: false }] }),
    answering('c', { query: [{ name: 'x', value: { kind: 'regex', value: '[' } }] }),
  ]
  const diagnostics = checkSnapshot(snapshot({ routes }))
  assert.deepEqual(
    diagnostics.map(({ path }) => path.split('.').slice(-2).join('.')),
    ['match.path', 'match.headers[0]', 'match.query[0]'],
  )
  assert.match(diagnostics[0]?.message ?? '', /Cannot use regex "\(" of route "a": .+/)
})

test('texts that would end a line on the wire are refused', () => {
  const headers = [{ name: 'x-a', value: 'b\r\nset-cookie: c' }]
  const routes = [
    { ...answering('a'), action: { kind: 'respond' as const, status: 200, body: '', headers } },
    { ...answering('b'), policy: { timeoutMs: 0, rewrite: { authority: 'a\nb' } } },
  ]
  assert.deepEqual(
    checkSnapshot(snapshot({ routes })).map(({ code }) => code),
    ['bad-text', 'bad-text'],
  )
})

test('ids must be unique', () => {
  const twice = snapshot({ routes: [forwarding, forwarding], clusters: [cluster, cluster] })
  assert.deepEqual(findings(twice), [
    'error duplicate-id clusters[1]',
    'error duplicate-id routeTables[0].virtualHosts[0].routes[1]',
  ])
})

test('endpoints need an address and a port', () => {
  const clusters = [
    {
      ...cluster,
      endpoints: [
        { address: '', port: 80 },
        { address: 'a', port: 0 },
      ],
    },
  ]
  assert.deepEqual(findings(snapshot({ clusters })), [
    'error bad-endpoint clusters[0].endpoints[0]',
    'error bad-endpoint clusters[0].endpoints[1]',
  ])
})

test('a domain that two virtual hosts claim is a warning: the snapshot can be served', () => {
  const virtualHosts = ['a', 'b'].map((name) => ({ name, domains: ['x.com'], routes: [] }))
  assert.deepEqual(findings(snapshot({ routeTables: [{ id: 't', virtualHosts }] })), [
    'warning domain-conflict routeTables[0].virtualHosts[1]',
  ])
})

const listening = (change: Partial<Listener>): readonly string[] =>
  findings(
    snapshot({
      listeners: [{ id: 'l', address: '127.0.0.1', port: 0, protocol: 'https', routeTable: 't', ...change }],
    }),
  )

test('TLS belongs to the protocols that have it, with certificates and names that can be right', () => {
  const pem = (what: string): string => `-----BEGIN ${what}-----\nAAAA\n-----END ${what}-----\n`
  const good = { serverNames: ['*.example.com'], certificate: pem('CERTIFICATE'), privateKey: pem('PRIVATE KEY') }
  const tls = { certificates: [good], minVersion: 'TLSv1.2' } as const
  assert.deepEqual(listening({ tls }), [])
  assert.deepEqual(listening({}), ['error tls-mismatch listeners[0].tls'])
  assert.deepEqual(listening({ protocol: 'http', tls }), ['error tls-mismatch listeners[0].tls'])
  assert.deepEqual(listening({ tls: { ...tls, certificates: [] } }), [
    'error no-certificate listeners[0].tls.certificates',
  ])
  assert.deepEqual(
    listening({ tls: { ...tls, certificates: [{ ...good, serverNames: ['a.*'], privateKey: 'secret' }] } }),
    [
      'error bad-server-name listeners[0].tls.certificates[0].serverNames[0]',
      'error bad-pem listeners[0].tls.certificates[0].privateKey',
    ],
  )
})

test('a client certificate towards endpoints comes with its key', () => {
  const clusters = [{ ...cluster, tls: { certificate: 'x', serverName: '*.example.com' } }]
  assert.deepEqual(findings(snapshot({ clusters })), [
    'error tls-mismatch clusters[0].tls',
    'error bad-server-name clusters[0].tls.serverName',
    'error bad-pem clusters[0].tls.certificate',
  ])
})

test('a TCP listener is routed by server name only where there is one, and by nothing of a request', () => {
  const action = { kind: 'forward', split: 'r', destinations: [{ kind: 'cluster', cluster: 'v1', weight: 1 }] } as const
  const good: TcpRoute = { id: 'r', origin: forwarding.origin, serverNames: [], action, idleTimeoutMs: 0 }
  const tcp = (change: Partial<TcpRoute>, protocol: TcpListener['protocol'] = 'tcp'): readonly string[] =>
    findings(
      snapshot({
        tcpListeners: [{ id: 't', address: '127.0.0.1', port: 0, protocol, routes: [{ ...good, ...change }] }],
      }),
    )
  assert.deepEqual(tcp({}), [])
  assert.deepEqual(tcp({ serverNames: ['*.example.com'] }, 'tls-passthrough'), [])
  assert.deepEqual(tcp({ serverNames: ['example.com'] }), [
    'error no-server-name tcpListeners[0].routes[0].serverNames',
  ])
  assert.deepEqual(tcp({}, 'tls'), ['error tls-mismatch tcpListeners[0].tls'])
  assert.deepEqual(tcp({ idleTimeoutMs: -1 }), ['error bad-duration tcpListeners[0].routes[0].idleTimeoutMs'])
  const affinity = { key: { kind: 'source-address' }, salt: '' } as const
  assert.deepEqual(tcp({ action: { ...action, affinity } }), [
    'error tcp-affinity tcpListeners[0].routes[0].action.affinity',
  ])
  assert.deepEqual(tcp({ action: { ...action, hashKey: { kind: 'source-address' } } }), [])
  assert.deepEqual(tcp({ action: { ...action, hashKey: { kind: 'header', name: 'x-user' } } }), [
    'error tcp-hash-key tcpListeners[0].routes[0].action.hashKey',
  ])
  assert.deepEqual(tcp({ action: { ...action, destinations: [{ kind: 'cluster', cluster: 'v9', weight: 1 }] } }), [
    'error unknown-cluster tcpListeners[0].routes[0].action.destinations[0].cluster',
  ])
})

test('the limits of a listener are whole numbers that can be kept to', () => {
  const http = { trustedHops: 1, limits: { headBytesMax: 1_024, bodyBytesMax: 0 } }
  assert.deepEqual(findings(listeningTo({ http })), [])
  assert.deepEqual(findings(listeningTo({ http: { edge: false, trustedHops: 1, limits: { headTimeoutMs: 0 } } })), [
    'error bad-limit listeners[0].http.trustedHops',
    'error bad-limit listeners[0].http.limits.headTimeoutMs',
  ])
})

test('CONNECT cannot be answered with a success that is no tunnel', () => {
  const connect = (status: number): Route => ({
    ...forwarding,
    match: { ...forwarding.match, methods: ['CONNECT'] },
    action: { kind: 'respond', status, body: '', headers: [] },
  })
  assert.deepEqual(findings(snapshot({ routes: [connect(403)] })), [])
  assert.deepEqual(findings(snapshot({ routes: [connect(200)] })), [
    'error bad-tunnel routeTables[0].virtualHosts[0].routes[0].action.status',
  ])
})

function listeningTo(change: Partial<Listener>): RoutingSnapshot {
  return snapshot({
    listeners: [{ id: 'l', address: '127.0.0.1', port: 0, protocol: 'http', routeTable: 't', ...change }],
  })
}
