import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startHttp2Backend } from '../../test/support/http2-backend.ts'
import { cluster, fetchFrom, route, snapshotOf, startProxy } from '../../test/support/live-proxy.ts'
import type { RoutingSnapshot } from '../routing/model.ts'

function overHttp2(ports: readonly number[]): RoutingSnapshot {
  return snapshotOf([route('r', { v1: 1 })], [cluster('v1', ports, { protocol: 'http2' })])
}

test('a request reaches an endpoint in HTTP/2 over clear text, and its answer the client', async (t) => {
  const backend = await startHttp2Backend(t, (stream, headers) => {
    stream.respond({ ':status': 201, 'x-from': String(headers[':authority']), 'x-path': String(headers[':path']) })
    stream.end('hello')
  })
  const live = await startProxy(t, overHttp2([backend.port]))
  const reply = await fetchFrom(live.port, { path: '/a?b=c', headers: { host: 'echo.example.com' } })
  assert.equal(reply.status, 201)
  assert.equal(reply.body, 'hello')
  assert.equal(reply.headers['x-from'], 'echo.example.com')
  assert.equal(reply.headers['x-path'], '/a?b=c')
})
