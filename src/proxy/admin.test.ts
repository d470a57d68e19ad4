import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { cluster, fetchFrom, route, snapshotOf } from '../../test/support/live-proxy.ts'
import { silentLog } from '../base/log.ts'
import { explain } from '../routing/explain.ts'
import { questionFromQuery, questionToQuery } from '../routing/explain-question.ts'
import type { Explanation } from '../routing/explanation.ts'
import { startAdmin } from './admin.ts'
import type { AdminSource } from './admin.ts'
import { reportClusters } from './cluster-report.ts'
import type { PoolState } from './upstream/endpoint-pool.ts'

async function adminOf(t: TestContext, change: Partial<AdminSource> = {}, slowClientMs = 60_000): Promise<number> {
  const end = new AbortController()
  t.after(() => end.abort())
  const source: AdminSource = {
    metrics: () => ['requests 1\n'],
    config: () => ({}),
    clusters: () => Promise.resolve({}),
    explain: () => Promise.resolve({ kind: 'refused', message: 'Cannot explain ""' }),
    unready: () => undefined,
    drain: () => {},
    ...change,
  }
  const shared = { address: '127.0.0.1', port: 0, log: silentLog, signal: end.signal }
  return startAdmin({ ...shared, source, slowClientMs })
}

test('the admin port is ready exactly while there is no reason against it', async (t) => {
  let why: string | undefined = 'no worker serves yet'
  const port = await adminOf(t, { unready: () => why })
  const before = await fetchFrom(port, { path: '/ready' })
  assert.deepEqual([before.status, before.body], [503, 'not ready: no worker serves yet\n'])
  why = undefined
  assert.equal((await fetchFrom(port, { path: '/ready' })).status, 200)
})

test('clients that do nothing keep the port from nobody for long', { timeout: 20_000 }, async (t) => {
  const large = 'x'.repeat(16 * 1024 * 1024)
  const port = await adminOf(t, { metrics: () => [large, large] }, 100)
  const open = (text: string): Socket => {
    const socket = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    socket.write(text)
    return socket
  }
  const unread = open('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n')
  for (const text of ['', 'GET / HTTP/1.1\r\n', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n']) {
    await once(open(text).resume(), 'close')
  }
  let bytes = 0
  unread.on('data', (part: Buffer) => (bytes += part.length))
  await once(unread, 'close')
  assert.ok(bytes < 2 * large.length, `${bytes} bytes came`)
})

test('a target that is no path is the asker’s mistake', async (t) => {
  assert.equal((await fetchFrom(await adminOf(t), { path: '//' })).status, 400)
})

test('only a POST that no browser sent drains', async (t) => {
  let drains = 0
  const port = await adminOf(t, { drain: () => drains++ })
  assert.equal((await fetchFrom(port, { path: '/drain' })).status, 405)
  const headers = { origin: 'http://evil.example' }
  assert.equal((await fetchFrom(port, { path: '/drain', method: 'POST', headers })).status, 403)
  assert.equal(drains, 0)
  assert.equal((await fetchFrom(port, { path: '/drain', method: 'POST' })).status, 202)
  assert.equal(drains, 1)
})

test('a private key is not shown, wherever it stands', async (t) => {
  const key = '-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n'
  const port = await adminOf(t, { config: () => ({ listeners: [{ tls: { anything: key } }] }) })
  const { body } = await fetchFrom(port, { path: '/config' })
  assert.deepEqual(JSON.parse(body), { listeners: [{ tls: { anything: '(private key)' } }] })
})

test('a request is explained, and one that cannot be is the asker’s mistake', async (t) => {
  const snapshot = snapshotOf([route('all', { v1: 1 })], [cluster('v1', [9001])])
  const port = await adminOf(t, { explain: (query) => Promise.resolve(explain(snapshot, questionFromQuery(query))) })
  const query = questionToQuery({ method: 'GET', url: 'http://x/a?b=c', headers: [{ name: 'stage', value: 'a: b' }] })
  const good = await fetchFrom(port, { path: `/explain?${query.toString()}` })
  assert.equal(good.status, 200)
  const { request, taken } = JSON.parse(good.body) as Explanation
  assert.deepEqual([request.path, request.query, request.headers], ['/a', 'b=c', [{ name: 'stage', value: 'a: b' }]])
  assert.equal(taken?.route, 'all')
  const bad = await fetchFrom(port, { path: '/explain' })
  assert.deepEqual([bad.status, bad.body.startsWith('Cannot explain "": the URL is empty')], [400, true])
})

test('an unknown page tells which there are, and one that fails says why', async (t) => {
  const port = await adminOf(t, { clusters: () => Promise.reject(new Error('no link')) })
  const unknown = await fetchFrom(port, { path: '/stats' })
  assert.equal(unknown.status, 404)
  assert.match(unknown.body, /GET {2}\/metrics/)
  const failed = await fetchFrom(port, { path: '/clusters' })
  assert.deepEqual([failed.status, failed.body], [500, 'Cannot answer: no link\n'])
})

test('clusters are reported with the counts of all workers, and what is draining apart from them', () => {
  const pool = (endpoint: string, active: number, isAvoided = false): PoolState => {
    return {
      endpoint,
      requests: 10,
      active,
      tunnels: 1,
      drainingTunnels: 1,
      connections: active + 1,
      idle: 1,
      isAvoided,
    }
  }
  const report = reportClusters(snapshotOf([], [cluster('v1', [1, 2, 3, 4])]), [
    { pools: [pool('127.0.0.1:1', 2), pool('127.0.0.1:9', 1), pool('127.0.0.1:8', 0)], clusters: [] },
    {
      pools: [pool('127.0.0.1:1', 3, true)],
      clusters: [
        {
          name: 'v1',
          gate: { requests: 9, connections: 8, pending: 7 },
          ejected: ['127.0.0.1:3', '127.0.0.1:4'],
          unhealthy: ['127.0.0.1:4'],
        },
      ],
    },
  ])
  const counts = { requests: 20, active: 5, tunnels: 2, drainingTunnels: 2, connections: 7, idle: 2 }
  const [v1] = report.clusters
  assert.deepEqual({ ...v1, endpoints: [] }, { name: 'v1', ...counts, pending: 7, endpoints: [] })
  assert.deepEqual(
    v1?.endpoints.map(({ endpoint, state, requests }) => [endpoint, state, requests]),
    [
      ['127.0.0.1:1', 'avoided', 20],
      ['127.0.0.1:2', 'ready', 0],
      ['127.0.0.1:3', 'ejected', 0],
      ['127.0.0.1:4', 'unhealthy', 0],
    ],
  )
  assert.deepEqual(report.draining, [
    { endpoint: '127.0.0.1:9', requests: 10, active: 1, tunnels: 1, drainingTunnels: 1, connections: 2, idle: 1 },
  ])
})
