import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cluster, fetchFrom, forwardingTo, route, snapshotOf, startBackend, startProxy } from '../support/live-proxy.ts'
import type { HeaderEdits } from '../../src/routing/policy-model.ts'

const edits = (change: Partial<HeaderEdits>): HeaderEdits => ({ remove: [], set: [], add: [], ...change })

describe('header edits', () => {
  test('a request’s headers are removed, replaced and added, in this order', async (t) => {
    const backend = await startBackend(t, (request, response) => response.end(JSON.stringify(request.headersDistinct)))
    const requestHeaders = edits({
      remove: ['x-gone'],
      set: [
        { name: 'x-set', value: 'new' },
        { name: 'x-gone', value: 'back' },
      ],
      add: [
        { name: 'x-more', value: 'two' },
        { name: 'x-set', value: 'added' },
      ],
    })
    const { port } = await startProxy(t, forwardingTo(backend.port, { requestHeaders }))
    const sent = { 'X-Gone': 'x', 'X-Set': ['a', 'b'], 'x-more': 'one', 'x-other': 'stays' }
    const got = JSON.parse((await fetchFrom(port, { headers: sent })).body) as Record<string, string[]>
    assert.deepEqual(
      ['x-gone', 'x-set', 'x-more', 'x-other'].map((name) => got[name]),
      [['back'], ['new', 'added'], ['one', 'two'], ['stays']],
    )
  })

  test('what the proxy adds by itself can be edited, too', async (t) => {
    const backend = await startBackend(t, (request, response) => response.end(JSON.stringify(request.headers)))
    const requestHeaders = edits({ remove: ['x-request-id'], set: [{ name: 'x-forwarded-proto', value: 'https' }] })
    const { port } = await startProxy(t, forwardingTo(backend.port, { requestHeaders }))
    const got = JSON.parse((await fetchFrom(port)).body) as Record<string, string>
    assert.equal(got['x-request-id'], undefined)
    assert.equal(got['x-forwarded-proto'], 'https')
  })

  test('a response’s headers are edited, and its body is as before', async (t) => {
    const backend = await startBackend(t, (_request, response) => {
      response.writeHead(200, { server: 'secret', 'x-set': 'old' })
      response.end('body')
    })
    const responseHeaders = edits({ remove: ['server'], set: [{ name: 'x-set', value: 'new' }] })
    const { port } = await startProxy(t, forwardingTo(backend.port, { responseHeaders }))
    const reply = await fetchFrom(port)
    assert.deepEqual([reply.headers['server'], reply.headers['x-set'], reply.body], [undefined, 'new', 'body'])
  })

  test('answers of the proxy itself have the route’s headers', async (t) => {
    const responseHeaders = edits({ add: [{ name: 'strict-transport-security', value: 'max-age=1' }] })
    const direct = {
      ...route('r', {}, { policy: { responseHeaders } }),
      action: { kind: 'respond' as const, status: 200, body: 'hi', headers: [] },
    }
    const { port } = await startProxy(t, snapshotOf([direct], []))
    const reply = await fetchFrom(port)
    assert.deepEqual([reply.headers['strict-transport-security'], reply.body], ['max-age=1', 'hi'])
  })
})

test('a path is rewritten by regex, with groups, and keeps its query', async (t) => {
  const backend = await startBackend(t, (request, response) => response.end(request.url))
  const rewrite = { path: { kind: 'regex' as const, pattern: '^/user/([^/]+)(/.*)?$', value: '\\2/of/\\1' } }
  const { port } = await startProxy(t, forwardingTo(backend.port, { rewrite }))
  assert.equal((await fetchFrom(port, { path: '/user/anna/mail?unread=1' })).body, '/mail/of/anna?unread=1')
  assert.equal((await fetchFrom(port, { path: '/other' })).body, '/other')
})

test('a snapshot with edits that would break a message is refused', async (t) => {
  const requestHeaders = edits({ set: [{ name: 'content-length', value: '0' }] })
  await assert.rejects(startProxy(t, forwardingTo(1, { requestHeaders })), /content-length/)
})

test('a destination’s edits come before the route’s, both ways', async (t) => {
  const backend = await startBackend(t, (request, response) => {
    response.setHeader('x-from', 'endpoint').end(JSON.stringify(request.headersDistinct))
  })
  const both = edits({
    set: [{ name: 'x-who', value: 'destination' }],
    add: [{ name: 'x-at', value: 'destination' }],
  })
  const split = route(
    'split',
    { v1: 1 },
    {
      policy: {
        requestHeaders: edits({ set: [{ name: 'x-who', value: 'route' }], add: [{ name: 'x-at', value: 'route' }] }),
        responseHeaders: edits({ remove: ['x-at'] }),
      },
    },
  )
  const action = {
    kind: 'forward' as const,
    split: 'split',
    destinations: [
      { kind: 'cluster' as const, cluster: 'v1', weight: 1, requestHeaders: both, responseHeaders: both },
      { kind: 'cluster' as const, cluster: 'v2', weight: 1 },
    ],
  }
  const clusters = [cluster('v1', [backend.port]), cluster('v2', [backend.port])]
  const { port } = await startProxy(t, snapshotOf([{ ...split, action }], clusters))
  const seen: unknown[] = []
  for (let count = 0; count < 2; count++) {
    const { headers, body } = await fetchFrom(port, { headers: { 'x-who': 'client' } })
    const got = JSON.parse(body) as Record<string, string[]>
    seen.push([got['x-who'], got['x-at'], headers['x-who'], headers['x-at'], headers['x-from']])
  }
  assert.deepEqual(seen, [
    [['route'], ['destination', 'route'], 'destination', undefined, 'endpoint'],
    [['route'], ['route'], undefined, undefined, 'endpoint'],
  ])
})
