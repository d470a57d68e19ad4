import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { failure } from '../kube/api-error.ts'
import { startTestServer, makeDataDir } from './testing/test-server.ts'

const NOTES = '/api/v1/namespaces/default/notes'

describe('who may ask', () => {
  test('a request without the token, or with another, is refused', async (t) => {
    const { client } = await startTestServer(t)
    for (const authorization of ['', 'Bearer wrong', 'Basic abc']) {
      const { code, json } = await client.get(NOTES, { authorization })
      assert.equal(code, 401)
      assert.equal(json.reason, 'Unauthorized')
      assert.equal(json.kind, 'Status')
    }
  })

  test('health and version need no token', async (t) => {
    const { client } = await startTestServer(t)
    for (const path of ['/healthz', '/livez', '/readyz']) {
      assert.equal((await client.get(path, { authorization: '' })).text, 'ok')
    }
    assert.match((await client.get('/readyz?verbose', { authorization: '' })).text, /\[\+\]storage ok\n/)
    const { json } = await client.get('/version', { authorization: '' })
    assert.equal(json['gitVersion'], 'v1.33.0+sluice-test')
    assert.equal(json['minor'], '33')
  })

  test('the token is kept where only its owner can read it, and in the kubeconfig', async (t) => {
    const { server, dataDir } = await startTestServer(t)
    const path = join(dataDir, 'admin.token')
    assert.equal(readFileSync(path, 'utf8').trim(), server.adminToken)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    const { clusters, users } = parse(server.kubeconfig()) as {
      clusters: { cluster: Record<string, string> }[]
      users: { user: { token: string } }[]
    }
    assert.equal(clusters[0]?.cluster['server'], server.url)
    assert.equal(Buffer.from(clusters[0]?.cluster['certificate-authority-data'] ?? '', 'base64').toString(), server.ca)
    assert.equal(users[0]?.user.token, server.adminToken)
  })

  test('the administrator may do everything, and is told so', async (t) => {
    const { client } = await startTestServer(t)
    const access = await client.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
    })
    assert.equal(access.code, 201)
    assert.deepEqual((access.json['status'] as unknown as { allowed: boolean }).allowed, true)
    const self = await client.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {})
    assert.match(self.text, /"username":"sluice-admin"/)
  })

  test('a request in the name of somebody else is refused, whatever it asks', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(NOTES, { metadata: { name: 'a' } })
    const asBob = { 'impersonate-user': 'bob' }
    const requests: [method: string, path: string, headers: Record<string, string>][] = [
      ['GET', NOTES, asBob],
      ['GET', `${NOTES}?watch=true`, asBob],
      ['GET', `${NOTES}/a`, { 'impersonate-group': 'staff' }],
      ['GET', `${NOTES}/a`, { 'impersonate-uid': '7' }],
      ['GET', `${NOTES}/a`, { 'impersonate-extra-scopes': 'view' }],
      ['GET', `${NOTES}/a`, { 'Impersonate-User': '' }],
      ['POST', NOTES, asBob],
      ['PUT', `${NOTES}/a`, asBob],
      ['PATCH', `${NOTES}/a`, { ...asBob, 'content-type': 'application/apply-patch+yaml' }],
      ['DELETE', `${NOTES}/a`, asBob],
      ['DELETE', NOTES, asBob],
      ['GET', '/api/v1/namespaces/default/pods/p/log', asBob],
      ['POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', asBob],
      ['GET', '/metrics', asBob],
      ['GET', '/apis/test.dev/v1/gadgets', asBob],
    ]
    for (const [method, path, headers] of requests) {
      const { code, json } = await client.request(method, path, { headers, body: method === 'GET' ? undefined : {} })
      assert.deepEqual([code, json.reason], [403, 'Forbidden'], `${method} ${path}`)
      assert.match(json.message ?? '', /^Cannot impersonate .*no roles yet/)
    }
    // Every user may read what is served, and clients do so before they ask: the refusal above is what they print.
    for (const path of ['/api', '/api/v1', '/apis', '/apis/test.dev/v1', '/openapi/v3', '/version', '/healthz']) {
      assert.equal((await client.get(path, asBob)).code, 200, path)
    }
    assert.equal((await client.get(`${NOTES}/a`)).code, 200)
  })

  test('a request in the name of somebody else is refused behind any number of other headers', async (t) => {
    const { client } = await startTestServer(t)
    const many = Array.from({ length: 2100 }, (_, at) => [`h${at.toString(36)}`, ''])
    const headers = { ...Object.fromEntries(many), 'impersonate-user': 'bob' }
    assert.equal((await client.get(NOTES, headers)).code, 403)
  })
})

describe('start and stop', () => {
  test('the namespaces of a fresh cluster exist', async (t) => {
    const { client } = await startTestServer(t)
    const { json } = await client.get('/api/v1/namespaces')
    assert.deepEqual(
      json.items.map(({ metadata }) => metadata.name),
      ['default', 'kube-public', 'kube-system'],
    )
    assert.deepEqual(json.items[0]?.spec, { finalizers: ['kubernetes'] })
  })

  test('everything is there after a restart: objects, token, authority, and the history for watches', async (t) => {
    const first = await startTestServer(t)
    const created = await first.client.post(NOTES, { metadata: { name: 'a' } })
    await first.client.post(NOTES, { metadata: { name: 'b' } })
    await first.server.stop()

    const second = await startTestServer(t, { dataDir: first.dataDir })
    assert.equal(second.server.adminToken, first.server.adminToken)
    assert.equal(second.server.ca, first.server.ca)
    assert.equal((await second.client.get(`${NOTES}/a`)).text, created.text)
    const watch = await second.client.watch(
      `${NOTES}?watch=true&resourceVersion=${created.json.metadata.resourceVersion}`,
    )
    assert.equal((await watch.next())?.object.metadata.name, 'b')
  })

  test('a second server on the same directory is refused', async (t) => {
    const { dataDir } = await startTestServer(t)
    await assert.rejects(startTestServer(t, { dataDir }), /Cannot use the data directory .* is using it/)
  })

  test('a port in use is refused with its cause, and the directory is free again', async (t) => {
    const { server } = await startTestServer(t)
    const dataDir = makeDataDir(t)
    await assert.rejects(startTestServer(t, { dataDir, port: server.port }), /Cannot listen on .*EADDRINUSE/)
    await startTestServer(t, { dataDir })
  })

  test('an address that is not of this machine is named as the problem, not the port', async (t) => {
    await assert.rejects(
      startTestServer(t, { address: '192.0.2.1' }),
      /Cannot listen on "192\.0\.2\.1:0": .*EADDRNOTAVAIL.*\. Choose an address of this machine\./,
    )
  })

  test('stopping ends watches in order and closes once', async (t) => {
    const { server, client } = await startTestServer(t)
    const watch = await client.watch(`${NOTES}?watch=true`)
    await Promise.all([server.stop(), server.stop(), server.closed])
    assert.equal(await watch.next(), undefined)
  })

  test('an aborted signal stops it', async (t) => {
    const stopping = new AbortController()
    const { server } = await startTestServer(t, { signal: stopping.signal })
    stopping.abort()
    await server.closed
  })

  test('a network that is none is refused', async (t) => {
    await assert.rejects(startTestServer(t, { serviceNetwork: 'everywhere' }), /Cannot use the Service network/)
  })
})

test('a storage that fails ends the server, loudly', async (t) => {
  const { server, client, dataDir } = await startTestServer(t)
  // Somebody breaks the file from outside.
  const intruder = new DatabaseSync(join(dataDir, 'state.db'))
  intruder.exec('DROP TABLE objects')
  intruder.close()
  const failed = assert.rejects(server.closed, /the disk refused the transaction/)
  await assert.rejects(client.post(NOTES, { metadata: { name: 'lost' } }).then(({ code }) => assert.equal(code, 0)))
  await failed
  await assert.rejects(server.stop())
})

describe('paths of other parts', () => {
  test('answer a GET with the token, and nothing else', async (t) => {
    const ownPaths = { '/sluice.dev/echo': (query: URLSearchParams) => Promise.resolve({ said: query.get('word') }) }
    const { client } = await startTestServer(t, { ownPaths })
    assert.deepEqual((await client.get('/sluice.dev/echo?word=a')).json, { said: 'a' })
    assert.equal((await client.get('/sluice.dev/echo', { authorization: '' })).code, 401)
    assert.equal((await client.post('/sluice.dev/echo', {})).code, 405)
    assert.equal((await client.get('/sluice.dev/other')).code, 404)
    assert.ok((await client.get('/')).text.includes('"/sluice.dev/echo"'))
  })

  test('what they reject with is the answer', async (t) => {
    const refuse = (): never => {
      throw failure({ code: 400, reason: 'BadRequest', message: 'Cannot say that' })
    }
    const { client } = await startTestServer(t, { ownPaths: { '/sluice.dev/echo': refuse } })
    const { code, json } = await client.get('/sluice.dev/echo')
    assert.deepEqual([code, json.message], [400, 'Cannot say that'])
  })
})

describe('metrics', () => {
  test('own counters and those of other parts are served together', async (t) => {
    const { client } = await startTestServer(t, { metrics: () => ['istio_requests_total 7\n'] })
    await client.get(`${NOTES}/missing`)
    const { text, headers } = await client.get('/metrics')
    assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/)
    assert.match(text, /apiserver_request_total\{verb="GET",group="",resource="notes",code="404"\} 1\n/)
    assert.match(text, /apiserver_request_duration_seconds_bucket\{.*le="\+Inf"\} 1\n/)
    assert.match(text, /\nistio_requests_total 7\n$/)
  })
})
