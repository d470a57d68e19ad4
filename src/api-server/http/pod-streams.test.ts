/** The way in for streams: who asks, for which pod, in which protocol; then the node side has the connection. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpsRequest } from 'node:https'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { Duplex } from 'node:stream'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { failure } from '../../kube/api-error.ts'
import { startTestServer } from '../testing/test-server.ts'
import type { TestServer } from '../testing/test-server.ts'
import type { ApiServerOptions } from '../server.ts'
import type { Kubelet } from './kubelet.ts'

const PODS = '/api/v1/namespaces/default/pods'
const EXEC = `${PODS}/p/exec?command=echo&command=hi&container=web&stdin=true&stdout=true`
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

interface Answer {
  readonly code: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** Present when the server has switched protocols. */
  readonly socket?: Duplex
}

const logs: Kubelet['logs'] = () => {
  throw new Error('nobody asks for logs here')
}

async function start(
  t: TestContext,
  kubelet: Partial<Kubelet> = {},
  options: Partial<ApiServerOptions> = {},
): Promise<TestServer> {
  const started = await startTestServer(t, { kubelet: { logs, ...kubelet }, ...options })
  await started.client.post(PODS, { metadata: { name: 'p' } })
  return started
}

/** An upgrade to WebSocket, but for what `headers` say. */
async function upgrade({ server }: TestServer, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const request = httpsRequest(`${server.url}${path}`, {
    ca: server.ca,
    headers: {
      authorization: `Bearer ${server.adminToken}`,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': KEY,
      'sec-websocket-protocol': 'v5.channel.k8s.io,v4.channel.k8s.io',
      ...headers,
    },
  })
  request.end()
  const refused = once(request, 'response').then(async ([response]: IncomingMessage[]): Promise<Answer> => {
    assert.ok(response !== undefined)
    return { code: response.statusCode, headers: response.headers, text: (await buffer(response)).toString() }
  })
  const accepted = once(request, 'upgrade').then((args): Answer => {
    const [response, socket] = args as [IncomingMessage, Duplex]
    return { code: response.statusCode, headers: response.headers, text: '', socket }
  })
  return Promise.race([refused, accepted])
}

describe('a stream that the node side takes', () => {
  test('is a WebSocket connection with the best protocol, and the options of the query', async (t) => {
    const seen: unknown[] = []
    const started = await start(t, {
      exec: async (pod, options, stream) => {
        seen.push(pod, options, stream.protocol)
        const connection = stream.accept()
        for await (const chunk of connection as AsyncIterable<Buffer>) {
          connection.end(`echo ${chunk.toString()}`)
          break
        }
      },
    })
    const { code, headers, socket } = await upgrade(started, EXEC)
    assert.equal(code, 101)
    assert.equal(headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
    assert.equal(headers['sec-websocket-protocol'], 'v5.channel.k8s.io')
    socket?.write('frames')
    assert.equal((await buffer(socket ?? assert.fail())).toString(), 'echo frames')
    const options = { container: 'web', stdin: true, stdout: true, stderr: false, tty: false, command: ['echo', 'hi'] }
    assert.deepEqual(seen, [{ namespace: 'default', name: 'p' }, options, 'v5.channel.k8s.io'])
  })

  test('may be refused until it is accepted, in an ordinary answer', async (t) => {
    const started = await start(t, {
      attach: () => Promise.reject(failure({ code: 404, reason: 'NotFound', message: 'no container "web"' })),
    })
    const { code, text } = await upgrade(started, `${PODS}/p/attach?container=web`)
    assert.equal(code, 404)
    assert.match(text, /"message":"no container \\"web\\""/)
  })

  test('ends with the server', async (t) => {
    const started = await start(t, {
      portForward: async (_pod, { ports }, stream) => {
        assert.deepEqual(ports, [80, 443])
        await once(stream.accept().resume(), 'close')
      },
    })
    const headers = { 'sec-websocket-protocol': 'v4.channel.k8s.io' }
    const { code, socket } = await upgrade(started, `${PODS}/p/portforward?ports=80,443`, headers)
    assert.equal(code, 101)
    const closed = once(socket?.resume() ?? assert.fail(), 'close')
    await started.server.stop()
    await closed
  })
})

describe('a stream is refused', () => {
  const exec: Kubelet['exec'] = () => Promise.reject(new Error('nobody gets here'))

  test('over SPDY, with the way out', async (t) => {
    const started = await start(t, { exec })
    const { code, text } = await upgrade(started, EXEC, { upgrade: 'SPDY/3.1' })
    assert.equal(code, 501)
    assert.match(text, /SPDY\/3\.1 is not spoken here: use kubectl 1\.31 or newer/)
  })

  test('in a protocol without channels, without an upgrade, and for a pod that is not there', async (t) => {
    const started = await start(t, { exec })
    const other = await upgrade(started, EXEC, { 'sec-websocket-protocol': 'chat' })
    assert.deepEqual([other.code, /offer one of v5\.channel\.k8s\.io/.test(other.text)], [400, true])
    const old = await upgrade(started, EXEC, { 'sec-websocket-version': '8' })
    assert.equal(old.code, 400)
    const plain = await started.client.post(EXEC, undefined)
    assert.deepEqual([plain.code, plain.json.message], [400, 'Upgrade request required'])
    assert.equal((await upgrade(started, EXEC.replace('/p/', '/q/'))).code, 404)
    assert.equal((await upgrade(started, `${PODS}/p/portforward?ports=x`)).code, 501)
  })

  test('without the token, and to a user who may only read', async (t) => {
    const authorizer: NonNullable<ApiServerOptions['authorizer']> = {
      authorize: (_user, verb, target) => ({
        isAllowed: verb === 'get' || (target.kind === 'resource' && target.subresource === undefined),
        reason: '',
      }),
    }
    const started = await start(t, { exec }, { authorizer })
    assert.equal((await upgrade(started, EXEC, { authorization: '' })).code, 401)
    const { code, text } = await upgrade(started, EXEC)
    assert.equal(code, 403)
    assert.match(text, /cannot create resource \\"pods\/exec\\" in API group/)
  })
})

test('an ordinary request with an Upgrade header is answered as one', async (t) => {
  const started = await start(t)
  for (const to of ['h2c', 'websocket']) {
    const { code, text } = await upgrade(started, PODS, { upgrade: to })
    assert.equal(code, 200)
    assert.match(text, /"kind":"PodList"/)
  }
})

test('the stats of a node come from the node side', async (t) => {
  const path = '/api/v1/nodes/here/proxy/stats/summary'
  const without = await start(t)
  const { code, json } = await without.client.get(path)
  assert.deepEqual([code, json.reason], [501, 'NotImplemented'])
  assert.match(json.message ?? '', /^the stats of a node are not supported by Sluice yet/)
  const { client } = await start(t, { stats: (node) => Promise.resolve({ node: { nodeName: node } }) })
  assert.deepEqual((await client.get(path)).json['node'], { nodeName: 'here' })
})
