/** A real server on a free port and a throw-away directory, and the smallest client that can talk to it. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { gunzipSync } from 'node:zlib'
import type { TestContext } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { seededRandom } from '../../base/random.ts'
import type { Status } from '../../kube/api-error.ts'
import type { KubeObject } from '../../kube/object.ts'
import { startApiServer } from '../server.ts'
import type { ApiServer, ApiServerOptions } from '../server.ts'
import { testKinds } from './test-kinds.ts'

export interface TestAnswer {
  readonly code: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The parsed body; read as whatever the test expects. */
  readonly json: TestObject
}

/** Any answer, loosely: tests look at single fields. */
export type TestObject = KubeObject &
  Status & {
    readonly spec: Readonly<Record<string, unknown>>
    readonly data: Readonly<Record<string, string>>
    readonly items: readonly TestObject[]
    readonly metadata: KubeObject['metadata'] & { readonly continue?: string; readonly remainingItemCount?: number }
    readonly [field: string]: unknown
  }

export interface TestEvent {
  readonly type: string
  readonly object: TestObject
}

export interface TestRequest {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export class TestClient {
  readonly #server: ApiServer
  readonly #agent: Agent

  constructor(server: ApiServer) {
    this.#server = server
    this.#agent = new Agent({ keepAlive: true, ca: server.ca })
  }

  async request(method: string, path: string, options: TestRequest = {}): Promise<TestAnswer> {
    const response = await this.open(method, path, options)
    const chunks: Buffer[] = []
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
    const isGzip = response.headers['content-encoding'] === 'gzip'
    const text = (isGzip ? gunzipSync(Buffer.concat(chunks)) : Buffer.concat(chunks)).toString()
    const isJson = (response.headers['content-type'] ?? '').startsWith('application/json')
    const json = (isJson && text !== '' ? JSON.parse(text) : {}) as TestObject
    return { code: response.statusCode ?? 0, headers: response.headers, text, json }
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<TestAnswer> {
    return this.request('GET', path, { headers })
  }

  post(path: string, body: unknown): Promise<TestAnswer> {
    return this.request('POST', path, { body })
  }

  put(path: string, body: unknown): Promise<TestAnswer> {
    return this.request('PUT', path, { body })
  }

  delete(path: string, body?: unknown): Promise<TestAnswer> {
    return this.request('DELETE', path, { body })
  }

  patch(path: string, form: 'json' | 'merge' | 'strategic-merge', body: unknown): Promise<TestAnswer> {
    return this.request('PATCH', path, { body, headers: { 'content-type': `application/${form}-patch+json` } })
  }

  /** The answer once its headers are there. */
  async open(method: string, path: string, { body, headers = {} }: TestRequest = {}): Promise<IncomingMessage> {
    const payload =
      body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
    const request = httpsRequest(`${this.#server.url}${path}`, {
      method,
      agent: this.#agent,
      headers: {
        authorization: `Bearer ${this.#server.adminToken}`,
        ...(payload === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
        ...headers,
      },
    })
    request.end(payload)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return response
  }

  /** Starts a watch; resolves once the server has accepted it. */
  async watch(path: string): Promise<TestWatch> {
    return new TestWatch(await this.open('GET', path))
  }

  close(): void {
    this.#agent.destroy()
  }
}

export class TestWatch {
  readonly code: number
  readonly #response: IncomingMessage
  readonly #lines: AsyncIterator<string>

  constructor(response: IncomingMessage) {
    this.code = response.statusCode ?? 0
    this.#response = response
    this.#lines = createInterface({ input: response })[Symbol.asyncIterator]()
  }

  /** The next event; undefined at the end of the stream. */
  async next(): Promise<TestEvent | undefined> {
    const { value, done } = await this.#lines.next()
    return done === true ? undefined : (JSON.parse(value) as TestEvent)
  }

  async take(count: number): Promise<readonly TestEvent[]> {
    const events: TestEvent[] = []
    while (events.length < count) {
      const event = await this.next()
      if (event === undefined) break
      events.push(event)
    }
    return events
  }

  close(): void {
    this.#response.destroy()
  }
}

export interface TestServer {
  readonly server: ApiServer
  readonly client: TestClient
  readonly dataDir: string
}

export function makeDataDir(t: TestContext): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'sluice-api-'))
  t.after(() => rmSync(dataDir, { recursive: true, force: true }))
  return dataDir
}

/** Stopped and removed after the test. */
export async function startTestServer(t: TestContext, options: Partial<ApiServerOptions> = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? makeDataDir(t)
  const server = await startApiServer({
    dataDir,
    address: '127.0.0.1',
    port: 0,
    kinds: testKinds,
    serviceNetwork: '127.20.128.0/17',
    version: { kubernetes: '1.33.0', product: 'test' },
    clock: systemClock,
    random: seededRandom(1),
    log: silentLog,
    ...options,
  })
  const client = new TestClient(server)
  t.after(async () => {
    client.close()
    // A server that failed says so to whoever asks; the test has asked already.
    await server.stop().catch(() => {})
  })
  return { server, client, dataDir }
}

/** `a/b(c)` for messages: what happened, in short. */
export function eventText({ type, object }: TestEvent): string {
  return `${type} ${object.metadata.name ?? ''}`
}
