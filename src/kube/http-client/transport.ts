/** One API server over HTTP(S): connections, credentials, limits. Knows nothing of kinds. */
import { readFile } from 'node:fs/promises'
import * as http from 'node:http'
import * as https from 'node:https'
import type { Readable } from 'node:stream'
import { codeOf, isAbort, messageOf } from '../../base/errors.ts'
import { TLS_POLICY } from '../../base/tls-policy.ts'

/** An answer larger than this is refused: a list page is 500 objects, an object at most 3 MiB, and most a few KiB. */
const RESPONSE_BYTES_MAX = 256 * 1024 * 1024
/** Connections for short requests; streams (watches, logs) have their own and never starve these. */
const REQUEST_SOCKETS_MAX = 32
/** A server that says nothing for so long in a short request is taken for dead. */
const REQUEST_IDLE_TIMEOUT_MS = 60_000
/** Probes on idle connections find a peer that vanished without a word. */
const TCP_KEEP_ALIVE_MS = 15_000

export interface ConnectionOptions {
  /** `https://127.0.0.1:6443`, optionally with a path that prefixes all others. */
  readonly server: string
  /** PEM. */
  readonly ca?: string
  readonly token?: string
  /** Read again for each request, because mounted tokens are rotated. */
  readonly tokenFile?: string
  /** PEM. */
  readonly clientCertificate?: string
  /** PEM. */
  readonly clientKey?: string
  readonly username?: string
  readonly password?: string
  readonly insecureSkipTlsVerify?: boolean
  /** The name to check the certificate against, where it is not the host of `server`. */
  readonly tlsServerName?: string
}

export interface TransportOptions extends ConnectionOptions {
  readonly userAgent: string
}

export interface RequestOptions {
  /** GET when absent. */
  readonly method?: string
  /** Sent as it is when a string, as JSON otherwise. */
  readonly body?: unknown
  /** Lower case names. */
  readonly headers?: Readonly<Record<string, string>>
  /** The answer may stay open and silent: no idle timeout, a connection of its own. */
  readonly stream?: boolean
  readonly signal?: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  /** Must be consumed or destroyed. */
  readonly body: Readable
}

/** The server could not be reached, or went away in the middle. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
  readonly code: string

  constructor(server: string, cause: unknown) {
    const why = messageOf(cause) || codeOf(cause) || 'connection failed'
    super(`Cannot reach the API server at "${server}": ${why}. Is it running, and is the address right?`, { cause })
    this.code = codeOf(cause) ?? 'ECONNFAILED'
  }
}

/** The connections to one server. `close` ends them all, streams included. */
export class Transport {
  readonly #options: TransportOptions
  readonly #base: URL
  readonly #requests: http.Agent
  readonly #streams: http.Agent

  constructor(options: TransportOptions) {
    this.#options = options
    this.#base = serverUrl(options.server)
    const agent = (extra: http.AgentOptions): http.Agent =>
      this.#base.protocol === 'https:' ? new https.Agent({ ...tls(options), ...extra }) : new http.Agent(extra)
    this.#requests = agent({ keepAlive: true, keepAliveMsecs: TCP_KEEP_ALIVE_MS, maxSockets: REQUEST_SOCKETS_MAX })
    this.#streams = agent({ keepAlive: false })
  }

  get server(): string {
    return this.#options.server
  }

  /** Sends one request; resolves when the head of the answer is there, whatever its status. */
  async request(path: string, options: RequestOptions = {}): Promise<HttpAnswer> {
    options.signal?.throwIfAborted()
    const headers = { ...(await this.#headers()), ...options.headers }
    const body = bodyOf(options.body)
    try {
      return await this.#send(path, { ...options, headers }, body)
    } catch (error) {
      // A kept-alive connection may be closed by the server at the very moment we use it; reading again is harmless.
      if (!(error instanceof StaleConnection)) throw error
      return await this.#send(path, { ...options, headers }, body)
    }
  }

  close(): void {
    this.#requests.destroy()
    this.#streams.destroy()
  }

  #send(path: string, options: RequestOptions, body: string | undefined): Promise<HttpAnswer> {
    const { method = 'GET', stream = false, headers, signal } = options
    const request = (this.#base.protocol === 'https:' ? https : http).request({
      ...target(this.#base, path),
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
      agent: stream ? this.#streams : this.#requests,
      ...(stream ? {} : { timeout: REQUEST_IDLE_TIMEOUT_MS }),
      ...(signal === undefined ? {} : { signal }),
    })
    return new Promise((resolve, reject) => {
      request.on('socket', (socket) => socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS))
      request.on('timeout', () => request.destroy(timeoutError(REQUEST_IDLE_TIMEOUT_MS)))
      request.on('response', (answer) => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer })
      })
      // Stays attached after the answer's head: an error then also shows on the body, where the reader finds it.
      request.on('error', (error) => reject(this.#explain(error, request, method, signal)))
      request.end(body)
    })
  }

  #explain(error: Error, request: http.ClientRequest, method: string, signal: AbortSignal | undefined): Error {
    if (isAbort(error, signal)) return error
    if (request.reusedSocket && method === 'GET' && codeOf(error) === 'ECONNRESET') return new StaleConnection()
    return new UnreachableError(this.server, error)
  }

  async #headers(): Promise<Record<string, string>> {
    const authorization = await authorizationOf(this.#options)
    return {
      accept: 'application/json',
      'user-agent': this.#options.userAgent,
      ...(authorization === undefined ? {} : { authorization }),
    }
  }
}

class StaleConnection extends Error {}

/** The whole body as text; throws when it exceeds `bytesMax`. */
export async function readText(answer: HttpAnswer, bytesMax = RESPONSE_BYTES_MAX): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) throw new Error(`Cannot read the answer: it is larger than ${bytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function serverUrl(server: string): URL {
  const url = URL.canParse(server) ? new URL(server) : undefined
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url
  throw new Error(`Cannot use the API server "${server}": it must be a URL such as https://127.0.0.1:6443`)
}

function target(base: URL, path: string): http.RequestOptions {
  const hostname = base.hostname.startsWith('[') ? base.hostname.slice(1, -1) : base.hostname
  return { hostname, port: base.port, path: base.pathname.replace(/\/$/, '') + path }
}

function tls(options: ConnectionOptions): https.AgentOptions {
  return {
    ...TLS_POLICY,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(options.clientCertificate === undefined ? {} : { cert: options.clientCertificate }),
    ...(options.clientKey === undefined ? {} : { key: options.clientKey }),
    ...(options.insecureSkipTlsVerify === true ? { rejectUnauthorized: false } : {}),
    ...(options.tlsServerName === undefined ? {} : { servername: options.tlsServerName }),
  }
}

async function authorizationOf(options: ConnectionOptions): Promise<string | undefined> {
  if (options.tokenFile !== undefined) return `Bearer ${(await readFile(options.tokenFile, 'utf8')).trim()}`
  if (options.token !== undefined) return `Bearer ${options.token}`
  if (options.username === undefined) return undefined
  return `Basic ${Buffer.from(`${options.username}:${options.password ?? ''}`).toString('base64')}`
}

function bodyOf(body: unknown): string | undefined {
  return body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
}

function timeoutError(afterMs: number): Error {
  return Object.assign(new Error(`no answer for ${afterMs / 1000} s`), { code: 'ETIMEDOUT' })
}
