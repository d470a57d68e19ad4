/** gRPC through the proxy, by the library that Node's programs use for it: both sides in HTTP/2, over clear text and TLS. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { Client, Metadata, Server, ServerCredentials, credentials, status as STATUS } from '@grpc/grpc-js'
import type {
  MethodDefinition,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceError,
  StatusObject,
  sendUnaryData,
} from '@grpc/grpc-js'
import { testAuthority } from '../support/certificates.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { cluster, eventually, route, snapshotOf, startProxy } from '../support/live-proxy.ts'
import type { LiveProxy } from '../support/live-proxy.ts'
import type { Cluster } from '../../src/routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { RoutePolicy } from '../../src/routing/policy-model.ts'

const options = { timeout: 20_000 }
const BIG_BYTES = 3_000_000

type Method = MethodDefinition<string, string>

function serialize(text: string): Buffer {
  return Buffer.from(text)
}

function deserialize(bytes: Buffer): string {
  return bytes.toString()
}

function method(name: string, requestStream: boolean, responseStream: boolean): Method {
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  }
}

const unary = method('Unary', false, false)
const download = method('Download', false, true)
const upload = method('Upload', true, false)
const chat = method('Chat', true, true)

interface Seen {
  cancelled: number
  started: number
}

/** `Unary`: an error where the text says so, silence for `wait`, an echo otherwise. */
async function startGrpcServer(t: TestContext, server = ServerCredentials.createInsecure()) {
  const seen: Seen = { cancelled: 0, started: 0 }
  const grpc = new Server()
  grpc.addService(
    { unary, download, upload, chat },
    {
      unary: (call: ServerUnaryCall<string, string>, callback: sendUnaryData<string>) => {
        seen.started++
        call.on('cancelled', () => seen.cancelled++)
        if (call.request === 'wait') return
        const trailer = new Metadata()
        trailer.set('x-trailer', 'behind')
        trailer.set('x-bytes-bin', Buffer.from([0, 255]))
        if (call.request === 'fail') {
          callback({ code: STATUS.FAILED_PRECONDITION, details: 'nicht jetzt: ü%', metadata: trailer })
          return
        }
        const header = new Metadata()
        header.set('x-echo', String(call.metadata.get('x-sent')[0]))
        call.sendMetadata(header)
        callback(null, call.request, trailer)
      },
      download: (call: ServerWritableStream<string, string>) => {
        for (let index = 0; index < Number(call.request); index++) call.write(`part ${index}`)
        call.end()
      },
      upload: (call: ServerReadableStream<string, string>, callback: sendUnaryData<string>) => {
        let text = ''
        call.on('data', (part: string) => (text += part))
        call.on('end', () => callback(null, text))
      },
      chat: (call: ServerDuplexStream<string, string>) => {
        seen.started++
        call.on('cancelled', () => seen.cancelled++)
        call.on('data', (part: string) => call.write(`echo ${part}`))
        call.on('end', () => call.end())
      },
    },
  )
  const port = await new Promise<number>((resolve, reject) => {
    grpc.bindAsync('127.0.0.1:0', server, (error, bound) => (error === null ? resolve(bound) : reject(error)))
  })
  t.after(() => grpc.forceShutdown())
  return { port, seen, grpc }
}

function routed(port: number, change: Partial<Cluster> = {}, policy: Partial<RoutePolicy> = {}): RoutingSnapshot {
  return snapshotOf([route('r', { v1: 1 }, { policy })], [cluster('v1', [port], { protocol: 'http2', ...change })])
}

function connectTo(t: TestContext, { port }: LiveProxy, channel = credentials.createInsecure()): Client {
  const client = new Client(`127.0.0.1:${port}`, channel, {
    'grpc.ssl_target_name_override': 'echo.example.com',
    'grpc.max_receive_message_length': 2 * BIG_BYTES,
  })
  t.after(() => client.close())
  return client
}

interface Outcome {
  readonly text: string | undefined
  readonly error: ServiceError | null
  readonly header: Metadata
  readonly status: StatusObject
}

function callUnary(client: Client, text: string, metadata = new Metadata(), deadline = Infinity): Promise<Outcome> {
  return new Promise((resolve) => {
    let header = new Metadata()
    let outcome: Pick<Outcome, 'text' | 'error'>
    const call = client.makeUnaryRequest(
      unary.path,
      unary.requestSerialize,
      unary.responseDeserialize,
      text,
      metadata,
      { deadline },
      (error, answer) => (outcome = { text: answer, error }),
    )
    call.on('metadata', (sent: Metadata) => (header = sent))
    call.on('status', (status) => setImmediate(() => resolve({ ...outcome, header, status })))
  })
}

describe('gRPC', options, () => {
  test('a unary call brings its message, metadata and trailers both ways', async (t) => {
    const { port } = await startGrpcServer(t)
    const live = await startProxy(t, routed(port))
    const client = connectTo(t, live)
    const metadata = new Metadata()
    metadata.set('x-sent', 'value')
    const { text, header, status } = await callUnary(client, 'hello', metadata)
    assert.equal(text, 'hello')
    assert.deepEqual(header.get('x-echo'), ['value'])
    assert.equal(status.code, STATUS.OK)
    assert.deepEqual(status.metadata.get('x-trailer'), ['behind'])
    assert.deepEqual(status.metadata.get('x-bytes-bin'), [Buffer.from([0, 255])])
    const big = 'x'.repeat(BIG_BYTES)
    assert.equal((await callUnary(client, big)).text, big)
  })

  test('an error keeps its code, its text and its metadata', async (t) => {
    const { port } = await startGrpcServer(t)
    const live = await startProxy(t, routed(port))
    const { error, status } = await callUnary(connectTo(t, live), 'fail')
    assert.equal(error?.code, STATUS.FAILED_PRECONDITION)
    assert.equal(error.details, 'nicht jetzt: ü%')
    assert.deepEqual(status.metadata.get('x-trailer'), ['behind'])
  })

  test('messages stream from the server, from the client, and both ways at once', async (t) => {
    const { port } = await startGrpcServer(t)
    const client = connectTo(t, await startProxy(t, routed(port)))
    const parts: string[] = []
    for await (const part of client.makeServerStreamRequest(
      download.path,
      download.requestSerialize,
      download.responseDeserialize,
      '500',
    )) {
      parts.push(String(part))
    }
    assert.deepEqual([parts.length, parts.at(-1)], [500, 'part 499'])

    const uploaded = await new Promise((resolve, reject) => {
      const call = client.makeClientStreamRequest(
        upload.path,
        upload.requestSerialize,
        upload.responseDeserialize,
        (error, text) => (error === null ? resolve(text) : reject(error)),
      )
      for (let index = 0; index < 100; index++) call.write(`${index},`)
      call.end()
    })
    assert.match(String(uploaded), /^0,1,.*,99,$/)

    const talk = client.makeBidiStreamRequest(chat.path, chat.requestSerialize, chat.responseDeserialize)
    const answers = talk[Symbol.asyncIterator]()
    for (const word of ['one', 'two', 'three']) {
      // Each answer comes before the next message is sent.
      talk.write(word)
      assert.equal((await answers.next()).value, `echo ${word}`)
    }
    talk.end()
    assert.equal((await answers.next()).done, true)
  })

  test('a deadline ends the call on both sides', async (t) => {
    const { port, seen } = await startGrpcServer(t)
    const client = connectTo(t, await startProxy(t, routed(port)))
    const { error } = await callUnary(client, 'wait', new Metadata(), Date.now() + 300)
    assert.equal(error?.code, STATUS.DEADLINE_EXCEEDED)
    await eventually(() => seen.cancelled === 1)
  })

  test('a call that is cancelled is cancelled at the server, and others go on', async (t) => {
    const { port, seen } = await startGrpcServer(t)
    const live = await startProxy(t, routed(port))
    const client = connectTo(t, live)
    const talk = client.makeBidiStreamRequest(chat.path, chat.requestSerialize, chat.responseDeserialize)
    const ended = new Promise<StatusObject>((resolve) => {
      talk.on('status', resolve)
    })
    talk.on('error', () => {})
    talk.write('hello')
    await new Promise((resolve) => {
      talk.once('data', resolve)
    })
    talk.cancel()
    assert.equal((await ended).code, STATUS.CANCELLED)
    await eventually(() => seen.cancelled === 1)
    assert.equal((await callUnary(client, 'still here')).text, 'still here')
    assert.equal(live.proxy.pools[0]?.connections, 1)
  })

  test('an endpoint that is not there is unavailable, and what takes too long is, too', async (t) => {
    const { port, grpc, seen } = await startGrpcServer(t)
    const clock = new FakeClock()
    const live = await startProxy(t, routed(port, {}, { timeoutMs: 1_000 }), { clock })
    const client = connectTo(t, live)
    const slow = callUnary(client, 'wait')
    await eventually(() => seen.started === 1)
    await clock.advance(1_100)
    assert.equal((await slow).error?.code, STATUS.UNAVAILABLE)
    await eventually(() => seen.cancelled === 1)
    grpc.forceShutdown()
    const gone = await callUnary(client, 'hello')
    assert.equal(gone.error?.code, STATUS.UNAVAILABLE)
  })

  test('a server that shuts down gracefully loses no call', async (t) => {
    const first = await startGrpcServer(t)
    const second = await startGrpcServer(t)
    const base = routed(first.port)
    const live = await startProxy(t, {
      ...base,
      clusters: [cluster('v1', [first.port, second.port], { protocol: 'http2' })],
    })
    const client = connectTo(t, live)
    const over = new AbortController()
    let calls = 0
    const caller = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const { text, error } = await callUnary(client, 'hello')
        assert.equal(error, null)
        assert.equal(text, 'hello')
        calls++
      }
    }
    const callers = Array.from({ length: 8 }, () => caller())
    await eventually(() => calls > 100)
    await new Promise<void>((resolve, reject) => {
      first.grpc.tryShutdown((error) => (error === undefined ? resolve() : reject(error)))
    })
    const before = calls
    await eventually(() => calls > before + 100)
    over.abort()
    await Promise.all(callers)
    assert.deepEqual(Object.keys(live.counted()), ['200'])
  })

  test('over TLS on both sides', async (t) => {
    const authority = await testAuthority()
    const pair = await authority.issue('echo.example.com')
    const ca = Buffer.from(authority.certificate)
    const keys = { cert_chain: Buffer.from(pair.certificate), private_key: Buffer.from(pair.privateKey) }
    const { port } = await startGrpcServer(t, ServerCredentials.createSsl(null, [keys]))
    const base = routed(port, { tls: { authorities: authority.certificate, serverName: 'echo.example.com' } })
    const live = await startProxy(t, {
      ...base,
      listeners: base.listeners.map((listener) => ({
        ...listener,
        protocol: 'https' as const,
        tls: { certificates: [{ ...pair, serverNames: [] }], minVersion: 'TLSv1.2' as const },
      })),
    })
    const client = connectTo(t, live, credentials.createSsl(ca))
    assert.equal((await callUnary(client, 'hello')).text, 'hello')
    assert.equal((await callUnary(client, 'fail')).error?.code, STATUS.FAILED_PRECONDITION)
  })
})
