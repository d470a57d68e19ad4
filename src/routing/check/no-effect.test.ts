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

test('what becomes of unknown hosts where there are none', () => {
  const table = { unknownHost: 'refuse', virtualHosts: [{ domains: ['*'], routes: [{ action: forward }] }] }
  assert.deepEqual(told([], { table }), [
    'warning routeTables[0].unknownHost: Cannot act on unknownHost of route table "default": one of its virtual hosts has the domain "*"',
  ])
  assert.deepEqual(told([{ action: forward }], { table: { unknownHost: 'refuse' } }), [])
})
