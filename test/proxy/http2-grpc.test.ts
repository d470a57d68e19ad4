/** What clients of gRPC are told. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ask, http2Session, statusOf } from '../support/http2-client.ts'
import { cluster, forwardingTo, route, snapshotOf, startProxy } from '../support/live-proxy.ts'

const options = { timeout: 20_000 }

describe('gRPC', options, () => {
  const grpc = { ':method': 'POST', 'content-type': 'application/grpc+proto', te: 'trailers' } as const

  test('is told what the proxy could not do in its own way', async (t) => {
    const answers = [400, 401, 403, 404, 429, 500, 503].map((status) => ({
      ...route(`r${status}`, {}, { match: { path: { kind: 'exact', value: `/${status}`, caseSensitive: true } } }),
      action: { kind: 'respond', status, headers: [], body: 'caf\u00e9 100%' } as const,
    }))
    const nobody = route(
      'nobody',
      { empty: 1 },
      { match: { path: { kind: 'exact', value: '/call', caseSensitive: true } } },
    )
    const live = await startProxy(t, snapshotOf([...answers, nobody], [cluster('empty', [])]))
    const session = http2Session(t, live.port)
    const codes: unknown[] = []
    for (const path of ['/400', '/401', '/403', '/404', '/429', '/500', '/503', '/call', '/nowhere']) {
      const { status, headers, body } = await ask(session, { headers: { ...grpc, ':path': path } })
      assert.deepEqual([status, headers['content-type'], body], [200, 'application/grpc', ''])
      codes.push(Number(headers['grpc-status']))
    }
    assert.deepEqual(codes, [13, 16, 7, 12, 14, 2, 14, 14, 12])
    const { headers } = await ask(session, { headers: { ...grpc, ':path': '/500' } })
    assert.equal(headers['grpc-message'], 'caf%C3%A9 100%25')
    // Counted as what it is, so that a judge of metrics sees it.
    assert.equal(live.counted()['503 UH'], 1)
  })

  test('a fault gives a call the status that it has for gRPC, and others the one of HTTP', async (t) => {
    const abort = { share: 1, status: 503, grpcStatus: 8 }
    const live = await startProxy(t, forwardingTo(1, { fault: { abort } }))
    const session = http2Session(t, live.port)
    const { headers } = await ask(session, { headers: { ...grpc, ':path': '/' } })
    assert.deepEqual([headers[':status'], headers['grpc-status']], [200, '8'])
    assert.equal(await statusOf(session, {}), 503)
  })

  test('is not what others speak: they get statuses of HTTP', async (t) => {
    const { port } = await startProxy(t, snapshotOf([], []))
    const session = http2Session(t, port)
    for (const type of ['application/grpc-web', 'application/json', 'application/grpcx']) {
      assert.equal(await statusOf(session, { headers: { ...grpc, 'content-type': type } }), 404)
    }
  })
})
