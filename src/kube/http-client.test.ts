import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { codeOf } from '../base/errors.ts'
import { ApiError, isReason } from './api-error.ts'
import type { WatchEvent } from './client.ts'
import { createHttpClient } from './http-client.ts'
import type { HttpClient, HttpClientOptions } from './http-client.ts'
import { objectKey } from './object.ts'
import type { KubeObject, ResourceType } from './object.ts'

const widgets: ResourceType = {
  group: 'example.dev',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
}
const nodes: ResourceType = { group: '', version: 'v1', kind: 'Node', plural: 'nodes', namespaced: false }

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

type Answer = (seen: Seen, response: ServerResponse) => void

async function setUp(t: TestContext, answer: Answer, options: Partial<HttpClientOptions> = {}) {
  const requests: Seen[] = []
  const server = createServer((request, response) => {
    const chunks: Uint8Array[] = []
    request.on('data', (chunk: Uint8Array) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const seen = { method, url, headers, body: Buffer.concat(chunks).toString() }
      requests.push(seen)
      answer(seen, response)
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client: HttpClient = createHttpClient({ server: url, ...options })
  t.after(() => {
    client.close()
    server.closeAllConnections()
    server.close()
  })
  return { client, requests, server, url }
}

const json =
  (value: unknown, code = 200): Answer =>
  (_, response) => {
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }

const widget = (name: string, resourceVersion = '1'): KubeObject => ({
  apiVersion: 'example.dev/v1',
  kind: 'Widget',
  metadata: { namespace: 'shop', name, resourceVersion },
})

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

test('paths name the group, the namespace, the object and the subresource', async (t) => {
  const { client, requests } = await setUp(t, json(widget('a')))
  await client.get(nodes, objectKey(undefined, 'n1'))
  await client.get(widgets, objectKey('shop', 'a'))
  await client.create(widgets, widget('a'), { dryRun: true, fieldValidation: 'Strict' })
  await client.update(widgets, widget('a'), { subresource: 'status' })
  await client.delete(widgets, objectKey('shop', 'a'), { propagationPolicy: 'Foreground', preconditions: { uid: 'u' } })
  assert.deepEqual(
    requests.map(({ method, url }) => `${method} ${url}`),
    [
      'GET /api/v1/nodes/n1',
      'GET /apis/example.dev/v1/namespaces/shop/widgets/a',
      'POST /apis/example.dev/v1/namespaces/shop/widgets?dryRun=All&fieldValidation=Strict',
      'PUT /apis/example.dev/v1/namespaces/shop/widgets/a/status',
      'DELETE /apis/example.dev/v1/namespaces/shop/widgets/a',
    ],
  )
  assert.deepEqual(JSON.parse(requests[4]?.body ?? ''), {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    propagationPolicy: 'Foreground',
    preconditions: { uid: 'u' },
  })
})

test('each kind of patch has its media type', async (t) => {
  const { client, requests } = await setUp(t, json(widget('a')))
  const key = objectKey('shop', 'a')
  await client.patch(widgets, key, { kind: 'json', operations: [{ op: 'remove', path: '/spec' }] })
  await client.patch(widgets, key, { kind: 'merge', body: { spec: null } })
  await client.patch(widgets, key, { kind: 'strategic', body: {} })
  assert.deepEqual(
    requests.map((request) => request.headers['content-type']),
    ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json'],
  )
  assert.equal(requests[0]?.body, '[{"op":"remove","path":"/spec"}]')
})

test('the token and the user agent travel with each request, and a server path is kept', async (t) => {
  const { requests, url } = await setUp(t, json(widget('a')))
  const client = createHttpClient({ server: `${url}/prefix/`, token: 'secret', userAgent: 'someone/1' })
  t.after(() => client.close())
  await client.get(nodes, objectKey(undefined, 'n1'))
  assert.equal(requests[0]?.url, '/prefix/api/v1/nodes/n1')
  assert.equal(requests[0]?.headers.authorization, 'Bearer secret')
  assert.equal(requests[0]?.headers['user-agent'], 'someone/1')
})

test('a list follows its pages and gives items their kind', async (t) => {
  const { client, requests } = await setUp(t, ({ url }, response) => {
    const second = url.includes('continue=next')
    const body = second
      ? { metadata: { resourceVersion: '7' }, items: [{ metadata: { name: 'b' } }] }
      : { metadata: { resourceVersion: '7', continue: 'next' }, items: [{ metadata: { name: 'a' } }] }
    json(body)({} as Seen, response)
  })
  const { items, resourceVersion } = await client.list(widgets, { labelSelector: 'app=echo,version in (v1)' })
  assert.deepEqual(
    items.map((item) => `${item.apiVersion} ${item.kind} ${item.metadata.name}`),
    ['example.dev/v1 Widget a', 'example.dev/v1 Widget b'],
  )
  assert.equal(resourceVersion, '7')
  assert.equal(
    requests[0]?.url,
    '/apis/example.dev/v1/widgets?labelSelector=app%3Decho%2Cversion+in+%28v1%29&limit=500',
  )
})

test('a list whose pages expire is read again as a whole', async (t) => {
  const { client, requests } = await setUp(t, ({ url }, response) => {
    if (url.includes('continue=')) {
      json({ kind: 'Status', code: 410, reason: 'Expired', message: 'old' }, 410)({} as Seen, response)
      return
    }
    const token = url.includes('limit=') ? { continue: 'next' } : {}
    json({ metadata: { resourceVersion: '9', ...token }, items: [{ metadata: { name: 'a' } }] })({} as Seen, response)
  })
  const { items } = await client.list(widgets)
  assert.equal(items.length, 1)
  assert.equal(requests.at(-1)?.url, '/apis/example.dev/v1/widgets')
})

test('a Status becomes an ApiError with its reason and causes', async (t) => {
  const status = {
    kind: 'Status',
    code: 422,
    reason: 'Invalid',
    message: 'Widget "a" is invalid',
    details: { causes: [{ field: 'spec.size', reason: 'FieldValueInvalid' }] },
  }
  const { client } = await setUp(t, json(status, 422))
  await assert.rejects(client.get(widgets, objectKey('shop', 'a')), (error) => {
    assert.ok(isReason(error, 'Invalid'))
    assert.equal(error.message, 'Widget "a" is invalid')
    assert.equal(error.status.details?.causes?.[0]?.field, 'spec.size')
    return true
  })
})

test('an error without a Status gets the reason of its HTTP code', async (t) => {
  const { client } = await setUp(t, (_, response) => {
    response.writeHead(429, { 'retry-after': '3' }).end('slow down')
  })
  await assert.rejects(client.get(widgets, objectKey('shop', 'a')), (error) => {
    assert.ok(error instanceof ApiError)
    assert.equal(error.code, 'TooManyRequests')
    assert.match(error.message, /slow down/)
    assert.equal(error.status.details?.retryAfterSeconds, 3)
    return true
  })
})

test('a server that is not there is named in the error', async () => {
  const client = createHttpClient({ server: 'http://127.0.0.1:1' })
  await assert.rejects(client.list(widgets), (error) => {
    assert.equal(codeOf(error), 'ECONNREFUSED')
    assert.match(String(error), /http:\/\/127\.0\.0\.1:1/)
    return true
  })
})

test('an answer that breaks off is an error of the connection', async (t) => {
  const { client } = await setUp(t, (_, response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('{"kind":')
    setImmediate(() => response.destroy())
  })
  await assert.rejects(client.get(widgets, objectKey('shop', 'a')), (error) => {
    assert.equal(codeOf(error), 'ECONNRESET')
    assert.match(String(error), /Cannot reach the API server/)
    return true
  })
})

test('warnings of the server are passed on', async (t) => {
  const warnings: string[] = []
  const { client } = await setUp(
    t,
    (_, response) => {
      response.setHeader('warning', '299 - "unknown field \\"spec.foo\\"", 299 - "old API"')
      response.end('{}')
    },
    { onWarning: (message) => warnings.push(message) },
  )
  await client.create(widgets, widget('a'))
  assert.deepEqual(warnings, ['unknown field "spec.foo"', 'old API'])
})

test('a watch yields events however the bytes are cut, and ends with the stream', async (t) => {
  const { client, requests } = await setUp(t, (_, response) => {
    const text = [
      { type: 'ADDED', object: widget('größe', '2') },
      { type: 'BOOKMARK', object: { kind: 'Widget', metadata: { resourceVersion: '5' } } },
      { type: 'DELETED', object: widget('größe', '6') },
    ]
      .map((event) => `${JSON.stringify(event)}\n`)
      .join('')
    for (const byte of Buffer.from(text)) response.write(Buffer.of(byte))
    response.end()
  })
  const events = await collect(client.watch(widgets, { namespace: 'shop', resourceVersion: '1', timeoutSeconds: 300 }))
  assert.deepEqual(events, [
    { type: 'ADDED', object: widget('größe', '2') },
    { type: 'BOOKMARK', resourceVersion: '5' },
    { type: 'DELETED', object: widget('größe', '6') },
  ])
  assert.equal(
    requests[0]?.url,
    '/apis/example.dev/v1/namespaces/shop/widgets?watch=true&allowWatchBookmarks=true&resourceVersion=1&timeoutSeconds=300',
  )
})

test('an ERROR event is the last of a watch', async (t) => {
  const status = { kind: 'Status', code: 410, reason: 'Expired' }
  const { client } = await setUp(t, (_, response) => {
    response.write(`${JSON.stringify({ type: 'ERROR', object: status })}\n`)
  })
  assert.deepEqual(await collect(client.watch(widgets)), [{ type: 'ERROR', status }])
})

test('a watch that is aborted ends quietly, and one that breaks does not', async (t) => {
  const { client } = await setUp(t, ({ url }, response) => {
    response.write(`${JSON.stringify({ type: 'ADDED', object: widget('a') })}\n`)
    if (url.includes('resourceVersion=break')) setImmediate(() => response.destroy())
  })
  const controller = new AbortController()
  const events: WatchEvent<KubeObject>[] = []
  for await (const event of client.watch(widgets, { signal: controller.signal })) {
    events.push(event)
    controller.abort()
  }
  assert.equal(events.length, 1)
  await assert.rejects(collect(client.watch(widgets, { resourceVersion: 'break' })), { code: 'ECONNRESET' })
})

test('watches do not use up the connections of requests', async (t) => {
  const { client } = await setUp(t, ({ url }, response) => {
    if (url.includes('watch=true')) response.write(`${JSON.stringify({ type: 'ADDED', object: widget('a') })}\n`)
    else response.end('{}')
  })
  const { signal } = t
  const watches = Array.from({ length: 50 }, () => client.watch(widgets, { signal })[Symbol.asyncIterator]())
  await Promise.all(watches.map((watch) => watch.next()))
  await client.get(widgets, objectKey('shop', 'a'))
})

test('an aborted request rejects with an abort', async (t) => {
  const { client } = await setUp(t, () => {})
  const controller = new AbortController()
  const pending = client.get(widgets, objectKey('shop', 'a'), controller.signal)
  controller.abort()
  await assert.rejects(pending, { name: 'AbortError' })
})

test('a read on a connection that the server has closed meanwhile is tried again', async (t) => {
  let served = 0
  const { client } = await setUp(t, (_, response) => {
    served += 1
    // The second request arrives on the kept-alive connection and finds it gone.
    if (served === 2) response.socket?.resetAndDestroy()
    else response.end('{}')
  })
  await client.get(widgets, objectKey('shop', 'a'))
  await client.get(widgets, objectKey('shop', 'a'))
  assert.equal(served, 3)
})

test('a server address that is no URL is refused', () => {
  assert.throws(() => createHttpClient({ server: 'localhost:6443' }), /Cannot use the API server "localhost:6443"/)
})
