import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { fetchFrom, forwardingTo, startBackend, startProxy } from '../support/live-proxy.ts'
import type { CorsPolicy } from '../../src/routing/policy-model.ts'

const cors: CorsPolicy = {
  allowOrigins: [
    { kind: 'exact', value: 'https://shop.example.com' },
    { kind: 'prefix', value: 'https://dev-' },
    { kind: 'regex', value: 'https://pr-[0-9]+\\.example\\.com' },
  ],
  allowMethods: ['GET', 'PUT'],
  allowHeaders: ['x-token'],
  exposeHeaders: ['x-count'],
  allowCredentials: true,
  maxAgeSeconds: 600,
}

async function start(t: TestContext) {
  const asked: string[] = []
  const backend = await startBackend(t, (request, response) => {
    asked.push(request.method ?? '')
    response.setHeader('access-control-allow-origin', 'https://wrong.example.com')
    response.end('ok')
  })
  const live = await startProxy(t, forwardingTo(backend.port, { cors }))
  const from = (origin: string, method = 'GET', headers: Record<string, string> = {}) =>
    fetchFrom(live.port, { method, headers: { origin, ...headers } })
  return { asked, from }
}

describe('requests across origins', () => {
  const preflight = { 'access-control-request-method': 'PUT' }

  test('a preflight of an allowed origin is answered by the proxy', async (t) => {
    const { asked, from } = await start(t)
    const { status, headers } = await from('https://shop.example.com', 'OPTIONS', preflight)
    assert.equal(status, 200)
    assert.equal(headers['access-control-allow-origin'], 'https://shop.example.com')
    assert.equal(headers['access-control-allow-methods'], 'GET, PUT')
    assert.equal(headers['access-control-allow-headers'], 'x-token')
    assert.equal(headers['access-control-allow-credentials'], 'true')
    assert.equal(headers['access-control-max-age'], '600')
    assert.equal(headers.vary, 'Origin')
    assert.deepEqual(asked, [])
  })

  test('a preflight of another origin, and OPTIONS that is no preflight, go to the endpoint', async (t) => {
    const { asked, from } = await start(t)
    await from('https://evil.example.com', 'OPTIONS', preflight)
    await from('https://shop.example.com', 'OPTIONS')
    assert.deepEqual(asked, ['OPTIONS', 'OPTIONS'])
  })

  for (const origin of ['https://shop.example.com', 'https://dev-1.example.com', 'https://pr-12.example.com']) {
    test(`the response to ${origin} says that it is allowed, whatever the endpoint says`, async (t) => {
      const { from } = await start(t)
      const { headers, body } = await from(origin)
      assert.equal(headers['access-control-allow-origin'], origin)
      assert.equal(headers['access-control-expose-headers'], 'x-count')
      assert.equal(headers.vary, 'Origin')
      assert.equal(body, 'ok')
    })
  }

  test('* allows every origin', async (t) => {
    const backend = await startBackend(t, (_request, response) => void response.end('ok'))
    const all: CorsPolicy = { ...cors, allowOrigins: [{ kind: 'exact', value: '*' }] }
    const live = await startProxy(t, forwardingTo(backend.port, { cors: all }))
    const origin = 'https://any.example.com'
    for (const method of ['GET', 'OPTIONS']) {
      const { headers } = await fetchFrom(live.port, { method, headers: { origin, ...preflight } })
      assert.equal(headers['access-control-allow-origin'], origin)
    }
  })

  const wildcards = { ...cors, allowMethods: ['*'], allowHeaders: ['*'], exposeHeaders: ['*', 'x-count'] }
  const asked = {
    origin: 'https://shop.example.com',
    'access-control-request-method': 'DELETE',
    'access-control-request-headers': 'x-tenant, x-trace',
  }

  test('beside credentials what a preflight asks about is named, and nothing is exposed as *', async (t) => {
    const backend = await startBackend(t, (_request, response) => void response.end('ok'))
    const { port } = await startProxy(t, forwardingTo(backend.port, { cors: wildcards }))
    const { headers } = await fetchFrom(port, { method: 'OPTIONS', headers: asked })
    assert.equal(headers['access-control-allow-methods'], 'DELETE')
    assert.equal(headers['access-control-allow-headers'], 'x-tenant, x-trace')
    assert.match(headers.vary ?? '', /Access-Control-Request-Method, Access-Control-Request-Headers/)
    const { headers: exposed } = await fetchFrom(port, { headers: { origin: asked.origin } })
    assert.equal(exposed['access-control-expose-headers'], 'x-count')
  })

  test('what is no list of names is not repeated to who asks about it', async (t) => {
    const { port } = await startProxy(t, forwardingTo(1, { cors: wildcards }))
    const headers = { ...asked, 'access-control-request-headers': 'x-tenant; x' }
    const reply = await fetchFrom(port, { method: 'OPTIONS', headers })
    assert.equal(reply.headers['access-control-allow-headers'], undefined)
  })

  test('without credentials the wildcards pass as they are', async (t) => {
    const { port } = await startProxy(t, forwardingTo(1, { cors: { ...wildcards, allowCredentials: false } }))
    const { headers } = await fetchFrom(port, { method: 'OPTIONS', headers: asked })
    assert.equal(headers['access-control-allow-methods'], '*')
    assert.equal(headers['access-control-allow-headers'], '*')
    assert.equal(headers['access-control-expose-headers'], '*, x-count')
  })

  test('the response to an origin that is not allowed is the endpoint’s, and caches are told that it depends', async (t) => {
    const { from } = await start(t)
    const { headers } = await from('https://pr-x.example.com')
    assert.equal(headers['access-control-allow-origin'], 'https://wrong.example.com')
    assert.equal(headers.vary, 'Origin')
  })
})
