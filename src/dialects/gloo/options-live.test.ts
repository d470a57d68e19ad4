/** Options of a VirtualService, compiled and served: what a client and an endpoint see of them. */
import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { compileObjects, findingsOf } from '../../../test/support/compile.ts'
import { glooObjects, hostsAt } from '../../../test/support/gloo.ts'
import type { GlooObjects } from '../../../test/support/gloo.ts'
import {
  RawClient,
  eventually,
  fetchFrom,
  saying,
  startBackend,
  startProxy,
  startRawBackend,
} from '../../../test/support/live-proxy.ts'
import type { LiveProxy, Reply } from '../../../test/support/live-proxy.ts'

/** Serves the virtual host, given as YAML; every object must be accepted without a word. */
function serve(t: TestContext, virtualHost: string, upstreams: GlooObjects['upstreams']): Promise<LiveProxy> {
  const compiled = compileObjects(glooObjects({ virtualHost, upstreams }))
  assert.deepEqual(findingsOf(compiled), [])
  return startProxy(t, compiled)
}

async function times<T>(count: number, ask: () => Promise<T>): Promise<readonly T[]> {
  const replies: T[] = []
  for (let index = 0; index < count; index++) replies.push(await ask())
  return replies
}

test('headers, retries, faults and CORS of one VirtualService act together', async (t) => {
  const seen: IncomingHttpHeaders[] = []
  let tries = 0
  const backend = await startBackend(t, (request, response) => {
    seen.push(request.headers)
    // Every other try of this path fails.
    response.statusCode = request.url === '/flaky' && tries++ % 2 === 0 ? 503 : 200
    response.setHeader('server', 'backend').setHeader('x-version', 'v1').end('hello')
  })
  const virtualHost = `
    domains: ['*']
    options:
      headerManipulation:
        requestHeadersToAdd: [{ header: { key: x-env, value: prod }, append: false }]
        responseHeadersToRemove: [server]
      retries: { retryOn: 5xx, numRetries: 1, retryBackOff: { baseInterval: 1ms } }
      cors: { allowOrigin: [https://shop.test], allowMethods: [GET, PUT], exposeHeaders: [x-version] }
    routes:
      - matchers: [{ exact: /aborted }]
        routeAction: { single: { upstream: { name: echo } } }
        options: { faults: { abort: { percentage: 25, httpStatus: 418 } } }
      - matchers: [{ prefix: / }]
        routeAction: { single: { upstream: { name: echo } } }
        options:
          headerManipulation:
            requestHeadersToAdd: [{ header: { key: x-env, value: test } }, { header: { key: x-rate, value: 100%% } }]
            requestHeadersToRemove: [x-debug]
            responseHeadersToAdd: [{ header: { key: x-served-by, value: sluice } }]
  `
  const { port } = await serve(t, virtualHost, { echo: hostsAt(backend.port) })

  const plain = await fetchFrom(port, { headers: { 'x-debug': '1', origin: 'https://shop.test' } })
  assert.equal(plain.status, 200)
  assert.equal(plain.headers['server'], undefined)
  assert.equal(plain.headers['x-served-by'], 'sluice')
  assert.equal(plain.headers['access-control-allow-origin'], 'https://shop.test')
  assert.equal(plain.headers['access-control-expose-headers'], 'x-version')
  assert.deepEqual([seen[0]?.['x-env'], seen[0]?.['x-rate'], seen[0]?.['x-debug']], ['prod', '100%', undefined])

  const flaky = await times(3, () => fetchFrom(port, { path: '/flaky' }))
  assert.deepEqual(flaky.map(statusOf), [200, 200, 200])
  assert.equal(tries, 6)

  const aborted = await times(8, () => fetchFrom(port, { path: '/aborted' }))
  assert.equal(aborted.map(statusOf).filter((status) => status === 418).length, 2)

  const before = seen.length
  const preflight = await fetchFrom(port, {
    method: 'OPTIONS',
    headers: { origin: 'https://shop.test', 'access-control-request-method': 'PUT' },
  })
  assert.equal(preflight.headers['access-control-allow-methods'], 'GET, PUT')
  assert.equal(seen.length, before)
})

test('headers of one weighted destination are changed before those of its route', async (t) => {
  const backend = await startBackend(t, (request, response) => {
    response
      .setHeader('server', 'backend')
      .end(JSON.stringify([request.headers['x-version'], request.headers['x-env']]))
  })
  const header = (key: string, value: string): string => `{ header: { key: ${key}, value: ${value} }, append: false }`
  const virtualHost = `
    routes:
      - routeAction:
          multi:
            destinations:
              - weight: 1
                destination: { upstream: { name: echo } }
                options:
                  headerManipulation:
                    requestHeadersToAdd: [${header('x-version', 'v2')}, ${header('x-env', 'canary')}]
                    responseHeadersToRemove: [server]
              - weight: 1
                destination: { upstream: { name: echo } }
        options:
          headerManipulation: { requestHeadersToAdd: [${header('x-env', 'prod')}] }
  `
  const { port } = await serve(t, virtualHost, { echo: hostsAt(backend.port) })
  const replies = await times(2, () => fetchFrom(port, { headers: { 'x-version': 'none' } }))
  const said = replies.map(({ body, headers }) => `${body} ${String(headers['server'])}`)
  assert.deepEqual(said.toSorted(), ['["none","prod"] backend', '["v2","prod"] undefined'])
})

test('a regex rewrites the path, and the host is told on', async (t) => {
  const backend = await startBackend(t, (request, response) => {
    response.end(`${request.url} ${request.headers.host} ${String(request.headers['x-forwarded-host'])}`)
  })
  const virtualHost = `
    routes:
      - routeAction: { single: { upstream: { name: echo } } }
        options:
          regexRewrite: { pattern: { regex: '^/user/([^/]+)' }, substitution: '/\\1' }
          hostRewrite: echo.internal
          appendXForwardedHost: true
  `
  const { port } = await serve(t, virtualHost, { echo: hostsAt(backend.port) })
  const { body } = await fetchFrom(port, { path: '/user/ada?a=b', headers: { host: 'shop.test' } })
  assert.equal(body, '/ada?a=b echo.internal shop.test')
})

test('an Upstream that balances by hash goes by the key of the route', async (t) => {
  const backends = await Promise.all(['a', 'b', 'c'].map((name) => startBackend(t, saying(name))))
  const ports = backends.map(({ port }) => port)
  const virtualHost = `
    routes:
      - matchers: [{ exact: /user }]
        routeAction: { single: { upstream: { name: ring } } }
        options: { lbHash: { hashPolicies: [{ header: X-User }] } }
      - routeAction: { single: { upstream: { name: table } } }
        options: { lbHash: { hashPolicies: [{ cookie: { name: sticky, ttl: 1h } }] } }
  `
  const { port } = await serve(t, virtualHost, {
    ring: { ...hostsAt(...ports), loadBalancerConfig: { ringHash: {} } },
    table: { ...hostsAt(...ports), loadBalancerConfig: { maglev: {} } },
  })

  const byUser = new Set<string>()
  for (let user = 0; user < 20; user++) {
    const ask = (): Promise<Reply> => fetchFrom(port, { path: '/user', headers: { 'x-user': `user-${user}` } })
    const [first, second] = await times(2, ask)
    assert.equal(first?.body, second?.body)
    byUser.add(first?.body ?? '')
  }
  assert.equal(byUser.size, 3)

  const first = await fetchFrom(port)
  const [cookie = ''] = first.headers['set-cookie'] ?? []
  assert.match(cookie, /^sticky=.+; Max-Age=3600; HttpOnly$/)
  const [pair = ''] = cookie.split(';')
  const again = await times(5, () => fetchFrom(port, { headers: { cookie: pair } }))
  assert.deepEqual(
    again.map(({ body, headers }) => [body, headers['set-cookie']]),
    again.map(() => [first.body, undefined]),
  )
})

test('a share of the requests is copied to the Upstream that shadows', async (t) => {
  const copied: string[] = []
  const backend = await startBackend(t, saying('hello'))
  const shadow = await startBackend(t, (request, response) => {
    copied.push(`${request.headers.host} ${request.url}`)
    response.end('nobody hears this')
  })
  const virtualHost = `
    routes:
      - routeAction: { single: { upstream: { name: echo } } }
        options: { shadowing: { upstream: { name: shadow }, percentage: 50 } }
  `
  const upstreams = { echo: hostsAt(backend.port), shadow: hostsAt(shadow.port) }
  const { port } = await serve(t, virtualHost, upstreams)
  const replies = await times(4, () => fetchFrom(port, { path: '/a', headers: { host: 'shop.test' } }))
  assert.deepEqual(
    replies.map(({ body }) => body),
    ['hello', 'hello', 'hello', 'hello'],
  )
  await eventually(() => copied.length === 2)
  assert.deepEqual(copied, ['shop.test-shadow /a', 'shop.test-shadow /a'])
})

test('a route that matches CONNECT and ends it opens tunnels', async (t) => {
  const backend = await startRawBackend(t, (socket) => socket.pipe(socket))
  const virtualHost = `
    domains: [db.test]
    routes:
      - matchers: [{ connectMatcher: {} }]
        routeAction: { single: { upstream: { name: db } } }
        options: { upgrades: [{ connectTerminate: {} }] }
  `
  const { port } = await serve(t, virtualHost, { db: hostsAt(backend.port) })
  const client = new RawClient(t, port).send('CONNECT db.test:80 HTTP/1.1\r\nHost: db.test:80\r\n\r\n')
  await client.until((text) => text.startsWith('HTTP/1.1 200') && text.endsWith('\r\n\r\n'))
  client.clear()
  client.send('ping')
  assert.equal(await client.until((text) => text.length === 4), 'ping')
})

function statusOf({ status }: Reply): number {
  return status
}
