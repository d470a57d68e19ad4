import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRoutingFile } from '../file.ts'

/** What is told of a file with these routes and clusters, each by its place. */
function told(
  routes: readonly unknown[],
  { table = {}, balance }: { table?: object; balance?: object } = {},
): string[] {
  const file = {
    listeners: [{ id: 'gateway', port: 8080 }],
    routeTables: [{ virtualHosts: [{ domains: ['a.test'], routes }], ...table }],
    clusters: [{ name: 'v1', endpoints: ['127.0.0.1:9001'], ...(balance !== undefined && { balance }) }],
  }
  const { snapshot, findings } = readRoutingFile(JSON.stringify(file))
  assert.ok(snapshot !== undefined, JSON.stringify(findings))
  return findings.map(({ severity, path, message }) => `${severity} ${path}: ${message}`)
}

const forward = { destinations: [{ cluster: 'v1' }] }
const redirect = { kind: 'redirect', host: 'b.test' }
const key = { kind: 'header', name: 'x-user' }
const at = 'routeTables[0].virtualHosts[0].routes[0]'
const route = `route "${at}"`

test('policies of a route that does not forward, where only forwarding could carry them out', () => {
  const policy = { retry: { on: ['5xx'] }, mirrors: [{ cluster: 'v1' }], tunnelDrainMs: 1 }
  assert.deepEqual(
    told([{ action: redirect, policy }]),
    ['retry', 'mirrors', 'tunnelDrainMs'].map(
      (name) => `warning ${at}.policy.${name}: Cannot act on ${name} of ${route}: it does not forward`,
    ),
  )
  assert.deepEqual(told([{ action: forward, policy }]), [])
})

test('a hash key towards clusters that do not hash', () => {
  const routes = [{ action: { ...forward, hashKey: key } }]
  const why = 'none of its clusters balances by ring-hash or maglev'
  assert.deepEqual(told(routes), [`warning ${at}.action.hashKey: Cannot act on hashKey of ${route}: ${why}`])
  assert.deepEqual(told(routes, { balance: { kind: 'maglev', key } }), [])
})

test('statuses to try again on without their condition', () => {
  const retry = { on: ['5xx'], statuses: [429] }
  assert.deepEqual(told([{ action: forward, policy: { retry } }]), [
    `warning ${at}.policy.retry.statuses: Cannot act on statuses of ${route}: "retriable-status-codes" is not among its conditions`,
  ])
  const both = { ...retry, on: ['5xx', 'retriable-status-codes'] }
  assert.deepEqual(told([{ action: forward, policy: { retry: both } }]), [])
})

test('domains that no request can have', () => {
  const domains = [
    'api.*',
    'a*b',
    '**',
    'http://a.test',
    'a b',
    'a/b',
    'a.test:x',
    'a.test:70000',
    'münchen.test',
    '::1',
  ]
  const good = [
    'a.test',
    '*',
    '*.a.test',
    '*a',
    'A.TEST:80',
    '*:80',
    '*.a.test:80',
    '[::1]',
    '[::1]:80',
    'a_b',
    '10.0.0.1',
  ]
  const table = { virtualHosts: [{ name: 'h', domains: [...domains, ...good], routes: [{ action: forward }] }] }
  assert.deepEqual(
    told([], { table }),
    domains.map(
      (domain, index) =>
        `warning routeTables[0].virtualHosts[0].domains[${index}]: Cannot act on domain "${domain}" of virtual host "h": ` +
        'no request has such a host. Write a name, *.name or *, each with :port where only that port is meant',
    ),
  )
})

test('conditions that no request can meet', () => {
  const paths = [
    { kind: 'exact', value: 'a' },
    { kind: 'prefix', value: 'a' },
    { kind: 'path-prefix', value: 'a/b' },
  ]
  for (const path of paths) {
    assert.deepEqual(told([{ match: { path }, action: forward }]), [
      `warning ${at}.match.path: Cannot act on ${path.kind} "${path.value}" of ${route}: paths begin with a slash`,
    ])
  }
  const match = {
    methods: ['get', 'G T'],
    headers: [
      { name: 'x y', value: 'a' },
      { name: 'X-Y', value: 'a' },
    ],
  }
  assert.deepEqual(told([{ match, action: forward }]), [
    `warning ${at}.match.methods[1]: Cannot act on method "G T" of ${route}: no method is called so`,
    `warning ${at}.match.headers[0].name: Cannot act on header "x y" of ${route}: no header is called so`,
  ])
  const possible = ['/', '/a', ''].map((value) => ({ kind: 'prefix', value }))
  for (const path of [...possible, { kind: 'exact', value: '*' }, { kind: 'regex', value: '.*a' }]) {
    assert.deepEqual(told([{ match: { path, headers: [{ name: ':authority', value: 'a' }] }, action: forward }]), [])
  }
})

test('what becomes of unknown hosts where there are none', () => {
  const table = { unknownHost: 'refuse', virtualHosts: [{ domains: ['*'], routes: [{ action: forward }] }] }
  assert.deepEqual(told([], { table }), [
    'warning routeTables[0].unknownHost: Cannot act on unknownHost of route table "default": one of its virtual hosts has the domain "*"',
  ])
  assert.deepEqual(told([{ action: forward }], { table: { unknownHost: 'refuse' } }), [])
})

const cors = { allowOrigins: ['https://app.example'], allowMethods: ['GET', 'PUT'] }
const noPreflight =
  `warning ${at}.policy.cors: Cannot act on cors of ${route}: browsers ask by OPTIONS first, and no route with cors takes that here. ` +
  'Add OPTIONS to its methods'

test('CORS of a route whose preflights no route with CORS takes', () => {
  const items = { match: { path: '/items', methods: ['GET', 'PUT'] }, action: forward, policy: { cors } }
  assert.deepEqual(told([items]), [noPreflight])
  // Those that take it have nothing to answer it with, or another path.
  assert.deepEqual(told([items, { action: forward }]), [noPreflight])
  assert.deepEqual(told([items, { match: { path: '/other' }, action: forward, policy: { cors } }]), [noPreflight])
})

test('CORS acts where a preflight finds a route, or none is needed', () => {
  const items = (methods: readonly string[]) => ({
    match: { path: '/items', methods },
    action: forward,
    policy: { cors },
  })
  assert.deepEqual(told([items(['GET', 'PUT', 'OPTIONS'])]), [])
  assert.deepEqual(told([items([])]), [])
  assert.deepEqual(told([items(['GET', 'PUT']), { action: forward, policy: { cors } }]), [])
  assert.deepEqual(told([items(['GET', 'PUT']), items(['OPTIONS'])]), [])
  assert.deepEqual(told([items(['GET', 'POST'])]), [])
})

test('a wildcard of exposed headers beside credentials', () => {
  const policy = { cors: { ...cors, exposeHeaders: ['x', '*'], allowCredentials: true } }
  assert.deepEqual(told([{ action: forward, policy }]), [
    `warning ${at}.policy.cors.exposeHeaders[1]: Cannot act on "*" of ${route}: beside allowCredentials it is no wildcard for browsers, ` +
      'and is left out. Name the headers',
  ])
  assert.deepEqual(told([{ action: forward, policy: { cors: { ...policy.cors, allowCredentials: false } } }]), [])
})
