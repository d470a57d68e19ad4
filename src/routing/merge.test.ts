import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Listener } from './listener-model.ts'
import { createMerge } from './merge.ts'
import type { Merged } from './merge.ts'
import { referenceText } from './object-reference.ts'
import { NOTHING_CLAIMED } from './part.ts'
import type { Claimant, HostClaim, ListenerClaim, RoutingPart, Scope } from './part.ts'

const GATEWAY: Scope = { kind: 'gateway', listener: 'gateway-http' }
const HTTP: ListenerClaim = listenerClaim('gateway-http', [GATEWAY])

interface Claim {
  readonly domains: readonly string[]
  readonly createdAt?: string
  readonly group?: string
  readonly scopes?: readonly Scope[]
  readonly instead?: HostClaim
}

function claimant(name: string, { createdAt = '2026-01-01T00:00:00Z', group = 'a.test' }: Partial<Claim>): Claimant {
  const source = { group, kind: 'Route', namespace: 'shop', name, uid: `${group}/${name}`, generation: 1 }
  return { source, text: referenceText(source), createdAt, record: name }
}

function claim(name: string, { domains, scopes = [GATEWAY], instead, ...rest }: Claim): HostClaim {
  return {
    claimants: [claimant(name, rest)],
    scopes,
    host: { name, domains, routes: [] },
    domainPaths: domains.map((_, index) => `spec.hosts[${index}]`),
    ...(instead === undefined ? {} : { instead }),
  }
}

function listenerClaim(id: string, scopes: readonly Scope[], change: Partial<Listener> = {}): ListenerClaim {
  const listener = { id, address: '127.0.0.1', port: 0, protocol: 'http' as const, ...change }
  return { claimants: [], listener, scopes, path: 'spec.listener' }
}

function partOf(...hosts: readonly HostClaim[]): RoutingPart {
  const reports = hosts.flatMap(({ claimants }) =>
    claimants.map(({ source: { uid, generation, ...object }, text }) => {
      return { object, text, uid, generation, served: generation, diagnostics: [] }
    }),
  )
  return { ...NOTHING_CLAIMED, hosts, reports }
}

function merge(parts: readonly RoutingPart[], listeners: readonly ListenerClaim[] = [HTTP]): Merged {
  return createMerge()([{ ...NOTHING_CLAIMED, listeners }, ...parts])
}

function hostsIn({ content }: Merged, table = 'gateway-http'): readonly (readonly [string, ...string[]])[] {
  const found = content.routeTables.find(({ id }) => id === table)
  return (found?.virtualHosts ?? []).map(({ name, domains }) => [name, ...domains])
}

function findings({ reports }: Merged, text: string): readonly string[] {
  return (reports.get(text)?.diagnostics ?? []).map(({ severity, code, message }) => `${severity} ${code}: ${message}`)
}

test('of two languages that claim one host the older object has it, and the other says by whom', () => {
  const young = claim('young', { domains: ['x.test'], createdAt: '2026-01-02T00:00:00Z', group: 'a.test' })
  const old = claim('old', { domains: ['X.test'], group: 'b.test' })
  const merged = merge([partOf(young), partOf(old)])
  assert.deepEqual(hostsIn(merged), [['old', 'X.test']])
  assert.deepEqual(findings(merged, 'route.a.test/shop/young'), [
    'error conflicted: Cannot serve domain "x.test": route.b.test/shop/old is older and has it',
  ])
  assert.deepEqual(findings(merged, 'route.b.test/shop/old'), [])
  assert.equal(merged.reports.get('route.a.test/shop/young')?.served, undefined)
  assert.deepEqual(
    merged.served.map(({ record }) => record),
    ['old'],
  )
})

test('objects of one age are told apart by name, whichever comes first', () => {
  const [a, b] = [claim('a', { domains: ['x.test'] }), claim('b', { domains: ['x.test'] })]
  for (const parts of [[partOf(a), partOf(b)], [partOf(b), partOf(a)], [partOf(b, a)]]) {
    const merged = merge(parts)
    assert.deepEqual(hostsIn(merged), [['a', 'x.test']])
    assert.match(
      findings(merged, 'route.a.test/shop/b')[0] ?? '',
      /route\.a\.test\/shop\/a is as old, comes first by name/,
    )
  }
})

test('who loses some of its hosts serves the others, with a warning', () => {
  const old = claim('a', { domains: ['x.test'] })
  const merged = merge([partOf(old, claim('b', { domains: ['x.test', 'y.test'] }))])
  assert.deepEqual(hostsIn(merged), [
    ['a', 'x.test'],
    ['b', 'y.test'],
  ])
  assert.match(findings(merged, 'route.a.test/shop/b').join(), /^warning conflicted/)
  assert.equal(merged.reports.get('route.a.test/shop/b')?.served, 1)
})

test('who loses all of them goes on with its last good form, where that has other hosts', () => {
  const last = claim('b', { domains: ['y.test'] })
  const now = claim('b', { domains: ['x.test'], instead: last })
  const merged = merge([partOf(claim('a', { domains: ['x.test'] }), now)])
  assert.deepEqual(hostsIn(merged), [
    ['a', 'x.test'],
    ['b', 'y.test'],
  ])
  const lost = merge([partOf(claim('a', { domains: ['x.test', 'y.test'] }), now)])
  assert.equal(lost.reports.get('route.a.test/shop/b')?.served, undefined)
  assert.match(findings(lost, 'route.a.test/shop/b')[1] ?? '', /Cannot go on serving generation 1: .*"y\.test"/)
})

test('what did not change is the same object as before, also a host of which only some domains are left', () => {
  const merging = createMerge()
  const parts = [
    { ...NOTHING_CLAIMED, listeners: [HTTP] },
    partOf(claim('a', { domains: ['x.test'] }), claim('b', { domains: ['x.test', 'y.test'] })),
  ]
  assert.equal(merging(parts).content.routeTables[0], merging(parts).content.routeTables[0])
})

test('a narrower scope comes before a wider one, and listeners with the same scopes share one table', () => {
  const everyone: Scope = { kind: 'mesh' }
  const ofShop: Scope = { kind: 'mesh', namespace: 'shop' }
  const listeners = [
    listenerClaim('one', [ofShop, everyone]),
    listenerClaim('two', [ofShop, everyone]),
    listenerClaim('other', [everyone]),
  ]
  const wide = claim('wide', { domains: ['x.test', 'y.test'], scopes: [everyone] })
  const narrow = claim('narrow', { domains: ['x.test'], scopes: [ofShop], createdAt: '2026-02-01T00:00:00Z' })
  const merged = merge([partOf(wide, narrow)], listeners)
  const [one, two, other] = merged.content.listeners
  assert.equal(one?.routeTable, two?.routeTable)
  assert.notEqual(one?.routeTable, other?.routeTable)
  assert.equal(merged.content.routeTables.length, 2)
  assert.deepEqual(hostsIn(merged, one?.routeTable), [
    ['narrow', 'x.test'],
    ['wide', 'y.test'],
  ])
  assert.deepEqual(hostsIn(merged, other?.routeTable), [['wide', 'x.test', 'y.test']])
  assert.deepEqual(findings(merged, 'route.a.test/shop/wide'), [], 'it serves everybody else')
})

test('of two listeners on one port the older is opened, and the other says so', () => {
  const owner = { claimants: [claimant('old', {})] }
  const first = { ...listenerClaim('first', [GATEWAY], { port: 8443 }), ...owner }
  const late = claimant('late', { createdAt: '2026-03-01T00:00:00Z' })
  const second = { ...listenerClaim('second', [GATEWAY], { port: 8443 }), claimants: [late] }
  const merged = merge([
    partOf(claim('late', { domains: ['x.test'] })),
    { ...NOTHING_CLAIMED, listeners: [second, first] },
  ])
  assert.deepEqual(
    merged.content.listeners.map(({ id }) => id),
    ['gateway-http', 'first'],
  )
  assert.match(
    findings(merged, 'route.a.test/shop/late').join(),
    /error conflicted: Cannot open listener "second" on 127\.0\.0\.1:8443: route\.a\.test\/shop\/old has it, as "first"/,
  )
})

test('one listener that several ask for has the certificates of all of them, each once', () => {
  const certificate = (name: string) => ({ serverNames: [name], certificate: name, privateKey: name })
  const asking = (name: string, ...names: readonly string[]): ListenerClaim => ({
    ...listenerClaim('gateway-https', [GATEWAY], {
      port: 8443,
      protocol: 'https',
      tls: { certificates: names.map(certificate), minVersion: 'TLSv1.2' },
    }),
    claimants: [claimant(name, {})],
  })
  const merged = merge([{ ...NOTHING_CLAIMED, listeners: [asking('a', 'x', 'y'), asking('b', 'y', 'z')] }])
  const https = merged.content.listeners.find(({ id }) => id === 'gateway-https')
  assert.deepEqual(
    https?.tls?.certificates.map((each) => each.certificate),
    ['x', 'y', 'z'],
  )
})
