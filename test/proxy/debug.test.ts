import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:http2'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import {
  cluster,
  fetchFrom,
  RawClient,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
} from '../support/live-proxy.ts'
import { answering } from '../routing-cases.ts'
import type { HttpPolicy } from '../../src/routing/listener-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { Route } from '../../src/routing/route-model.ts'
import { explain } from '../../src/routing/explain.ts'
import { DebugToken } from '../../src/proxy/serving/debug-token.ts'

const TOKEN = 'open sesame'
const asking = { 'x-sluice-debug': TOKEN }
const debugTokenHash = createHash('sha256').update(TOKEN).digest('hex')

function debugged(snapshot: RoutingSnapshot, http: HttpPolicy = { debugTokenHash }): RoutingSnapshot {
  return { ...snapshot, listeners: snapshot.listeners.map((listener) => ({ ...listener, http })) }
}

/** What the response says of the decision, by the rest of the header's name. */
function told(headers: IncomingHttpHeaders): Record<string, unknown> {
  const names = Object.keys(headers).filter((name) => name.startsWith('x-sluice-'))
  return Object.fromEntries(names.map((name) => [name.slice('x-sluice-'.length), headers[name]]))
}

const canary: Route = route(
  'canary',
  { v2: 1 },
  { match: { headers: [{ name: 'stage', value: { kind: 'exact', value: 'canary' }, invert: false }] } },
)

async function startEchoes(
  t: TestContext,
  http?: HttpPolicy,
): Promise<{ port: number; v1: number; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = []
  const backend = await startBackend(t, (request, response) => {
    seen.push(request.headers)
    response.setHeader('x-sluice-endpoint', 'made up')
    response.end('ok')
  })
  const routes = [
    canary,
    route(
      'all',
      { v1: 1 },
      { policy: { responseHeaders: { remove: [], set: [], add: [{ name: 'x-a', value: 'b' }] } } },
    ),
  ]
  const snapshot = snapshotOf(routes, [cluster('v1', [backend.port]), cluster('v2', [])])
  const { port } = await startProxy(t, debugged(snapshot, http))
  return { port, v1: backend.port, seen }
}

describe('a request with the token', () => {
  test('is told route, object, destination, endpoint and why; the policy of the route acts as ever', async (t) => {
    const { port, v1 } = await startEchoes(t)
    const { status, headers } = await fetchFrom(port, { headers: asking })
    assert.equal(status, 200)
    assert.equal(headers['x-a'], 'b')
    assert.deepEqual(told(headers), {
      route: 'all',
      origin: 'virtualservice.gateway.solo.io/gloo-system/echo, generation 1, rule 0, match 0',
      destination: 'v1',
      endpoint: `127.0.0.1:${v1}`,
      why: 'host all by * (any); passed canary: header stage: wanted exact "canary", the request has none; taken by every request; weight 1 of 1 by the exact sequence',
    })
  })

  test('is told so where it reaches no endpoint', async (t) => {
    const { port } = await startEchoes(t)
    const { status, headers } = await fetchFrom(port, { headers: { ...asking, stage: 'canary' } })
    assert.equal(status, 503)
    const { route: taken, destination, endpoint } = told(headers)
    assert.deepEqual([taken, destination, endpoint], ['canary', 'v2', undefined])
  })

  test('is told so where the proxy answers by itself, or no route matches', async (t) => {
    const own = answering('own', { path: { kind: 'prefix', value: '/own', caseSensitive: true } })
    const { port } = await startProxy(t, debugged(snapshotOf([own], [])))
    const answered = await fetchFrom(port, { path: '/own', headers: asking })
    assert.deepEqual(
      [answered.body, told(answered.headers)['route'], told(answered.headers)['destination']],
      ['own', 'own', 'respond'],
    )
    const lost = await fetchFrom(port, { path: '/other', headers: asking })
    assert.deepEqual(told(lost.headers), {
      route: 'none',
      why: 'host all by * (any); passed own: path: /other does not begin with /own',
    })
  })

  test('is told the route, and no destination, where a fault has answered', async (t) => {
    const fault = { abort: { share: 1, status: 418 } }
    const { port } = await startProxy(
      t,
      debugged(snapshotOf([route('all', { v1: 1 }, { policy: { fault } })], [cluster('v1', [])])),
    )
    const { status, headers } = await fetchFrom(port, { headers: asking })
    assert.deepEqual([status, Object.keys(told(headers)).toSorted()], [418, ['origin', 'route', 'why']])
  })

  test('is told the endpoint of the last try', async (t) => {
    const bad = await startBackend(t, (_request, response) => response.writeHead(503).end())
    const good = await startBackend(t, saying('good'))
    const retry = {
      attempts: 1,
      on: ['5xx'],
      statuses: [],
      perTryTimeoutMs: 0,
      backoff: { initialMs: 1, maxMs: 1 },
      budget: 1,
    } as const
    const snapshot = snapshotOf(
      [route('all', { v1: 1 }, { policy: { retry } })],
      [cluster('v1', [bad.port, good.port])],
    )
    const { port } = await startProxy(t, debugged(snapshot))
    for (let count = 0; count < 2; count++) {
      const { status, headers } = await fetchFrom(port, { headers: asking })
      assert.deepEqual([status, told(headers)['endpoint']], [200, `127.0.0.1:${good.port}`])
    }
  })

  test('alone is told of those on its connection', async (t) => {
    const { port } = await startEchoes(t)
    const client = new RawClient(t, port)
    const ask = `x-sluice-debug: ${TOKEN}\r\n`
    client.send(`GET /1 HTTP/1.1\r\nhost: a\r\n${ask}\r\nGET /2 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
    const [, first = '', second = ''] = (await client.untilClosed()).split('HTTP/1.1 200 OK')
    assert.ok(first.includes('x-sluice-route: all'))
    assert.ok(!second.includes('x-sluice-route'))
  })

  test('is told in HTTP/2, too', async (t) => {
    const { port, v1, seen } = await startEchoes(t)
    const session = connect(`http://127.0.0.1:${port}`)
    t.after(() => session.destroy())
    const stream = session.request({ ':path': '/', ...asking })
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    stream.resume()
    await once(stream, 'end')
    assert.equal(told(headers)['endpoint'], `127.0.0.1:${v1}`)
    assert.equal(seen[0]?.['x-sluice-debug'], undefined)
  })

  test('gets headers of bounded length and safe characters, whatever the routes are called', async (t) => {
    const long = Array.from({ length: 60 }, (_, index) => ({ ...canary, id: `${index}-é\t${'x'.repeat(300)}` }))
    const { port } = await startProxy(
      t,
      debugged(snapshotOf([...long, answering(`é${'y'.repeat(300)}`)], [cluster('v2', [])])),
    )
    const { headers } = await fetchFrom(port, { headers: asking })
    const { route: taken, why } = told(headers)
    assert.equal(taken, `?${'y'.repeat(255)}`)
    assert.ok(
      typeof why === 'string' &&
        why.length <= 1_024 &&
        /; \.\.\.; passed 5[0-9]-\?\?x+: .*; taken by every request$/.test(why),
      String(why),
    )
  })
})

describe('a debug header', () => {
  for (const edge of [true, false]) {
    test(`never reaches the endpoint, with or without the right token (edge: ${edge})`, async (t) => {
      const { port, seen } = await startEchoes(t, { edge, debugTokenHash })
      for (const token of [TOKEN, 'wrong', '', 'x'.repeat(2_000)]) {
        const { headers } = await fetchFrom(port, { headers: { 'X-Sluice-Debug': token } })
        assert.equal('x-sluice-why' in headers, token === TOKEN)
        // What the endpoint says in our name passes where nothing is told, as it always did.
        assert.equal(headers['x-sluice-endpoint'] === 'made up', token !== TOKEN)
      }
      assert.deepEqual(
        seen.map((headers) => headers['x-sluice-debug']),
        [undefined, undefined, undefined, undefined],
      )
    })
  }

  test('has no effect where the listener has no token, and does not reach the endpoint either', async (t) => {
    const { port, seen } = await startEchoes(t, { edge: false })
    const { headers } = await fetchFrom(port, { headers: { ...asking, 'x-sluice-other': 'kept' } })
    assert.equal('x-sluice-why' in headers, false)
    assert.deepEqual([seen[0]?.['x-sluice-debug'], seen[0]?.['x-sluice-other']], [undefined, 'kept'])
  })
})

test('a token is admitted by its hash alone', () => {
  const token = new DebugToken(debugTokenHash)
  assert.equal(token.admits(TOKEN), true)
  for (const sent of [undefined, '', 'open sesame ', debugTokenHash, 'x'.repeat(100_000)])
    assert.equal(token.admits(sent), false)
})

test('what a live request is told is what explain says of it: destination by affinity, endpoint by hash', async (t) => {
  const backends = await Promise.all(Array.from({ length: 5 }, () => startBackend(t, saying('ok'))))
  const ports = backends.map(({ port }) => port)
  const user = { kind: 'header', name: 'x-user' } as const
  const snapshot = debugged(
    snapshotOf(
      [canary, route('all', { v1: 5, v2: 3, v3: 2 }, { affinity: { key: user, salt: 'one' } })],
      [
        cluster('v1', ports.slice(0, 3), { balance: { kind: 'maglev', key: user } }),
        cluster('v2', ports.slice(1), { balance: { kind: 'ring-hash', key: { kind: 'query', name: 'q' } } }),
        cluster('v3', [], { fallback: 'v1', balance: { kind: 'ring-hash', key: user } }),
      ],
    ),
  )
  const { port } = await startProxy(t, snapshot)
  const reached = new Set<string>()
  for (let index = 0; index < 60; index++) {
    const name = `user-é-${index}`
    const path = `/?q=${index}`
    const headers = [
      { name: 'x-user', value: name },
      { name: 'x-envoy-stage', value: 'x' },
    ]
    const answer = explain(snapshot, { method: 'GET', url: `any.test${path}`, headers })
    assert.ok(answer.kind === 'explained' && answer.explanation.answer.kind === 'forward')
    const picked = answer.explanation.answer.destinations.find((each) => each.picked === true)
    assert.ok(picked?.kind === 'cluster')
    const live = await fetchFrom(port, { path, headers: { ...asking, 'x-user': Buffer.from(name).toString('latin1') } })
    const { destination, endpoint } = told(live.headers)
    assert.deepEqual([destination, endpoint], [picked.cluster, picked.balance.endpoint], name)
    reached.add(`${picked.cluster} ${picked.balance.endpoint}`)
  }
  assert.ok(reached.size >= 8, `only ${[...reached].join(', ')}`)
})
