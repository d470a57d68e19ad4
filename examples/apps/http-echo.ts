/**
 * What the image hashicorp/http-echo does, as a local process: it answers every request with one text. Flags,
 * headers, exit codes and the log line are the original's. Two differences, both because a pod is a process here:
 * without a host in `-listen` it binds the pod's own address, and SIGTERM lets requests in flight finish.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { parseFlags } from './http-echo/flags.ts'
import type { EchoOptions } from './http-echo/flags.ts'

const VERSION = '1.0.0'
/** The original exits with this on missing or surplus arguments. */
const EXIT_USAGE = 127
const EXIT_BAD_FLAG = 2
const EXIT_CANNOT_LISTEN = 1

function main(): void {
  const parsed = parseFlags(process.argv.slice(2), process.env)
  switch (parsed.kind) {
    case 'version':
      process.stderr.write(`http-echo v${VERSION}\n`)
      return
    case 'bad-flag':
      process.stderr.write(`${parsed.message}\n`)
      process.exitCode = EXIT_BAD_FLAG
      return
    case 'usage':
      process.stderr.write(`${parsed.message}\n`)
      process.exitCode = EXIT_USAGE
      return
    case 'run':
      serve(parsed.options)
  }
}

function serve({ text, host, port, statusCode }: EchoOptions): void {
  const echo = page(statusCode, `${text}\n`)
  const health = page(200, '{"status":"ok"}\n')
  const access = new AccessLog(Buffer.byteLength(text) + 1)
  const server = createServer((request, response) => {
    const path = pathOf(request)
    if (path === '/health') {
      health(request, response)
      return
    }
    access.record(request, response, path)
    echo(request, response)
  })
  // As Go's server: no idle time limit, so a client's pooled connection is never closed under its next request.
  server.keepAliveTimeout = 0
  server.requestTimeout = 0
  server.on('error', (error) => {
    process.stderr.write(`[ERR] server exited with: ${error.message}\n`)
    process.exit(EXIT_CANNOT_LISTEN)
  })
  server.listen(port, podAddress(host), () => {
    const address = server.address()
    const bound =
      address !== null && typeof address === 'object' ? `${address.address}:${address.port}` : String(address)
    process.stderr.write(`[INFO] server is listening on ${bound}\n`)
  })
  let isStopping = false
  server.prependListener('request', (_request, response) => {
    response.once('finish', () => {
      // The client may have asked to keep the connection: it ends all the same once nothing is in flight on it.
      if (isStopping) setImmediate(() => server.closeIdleConnections())
    })
  })
  const stop = (): void => {
    process.stderr.write('[INFO] shutting down\n')
    isStopping = true
    // Accepts nothing new and closes idle connections; the process ends with the last response.
    server.close()
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}

/** In a container, "all interfaces" are the pod's; the pod's address is what the runtime tells in the environment. */
function podAddress(host: string): string {
  if (host !== '' && host !== '0.0.0.0' && host !== '::') return host
  const told = [process.env['POD_IP'], process.env['HOST']].find((value) => value !== undefined && isIP(value) !== 0)
  return told ?? (host === '' ? '0.0.0.0' : host)
}

/** Answers after the request's body was read to its end, so that no client sees its upload cut off. */
function page(statusCode: number, body: string): (request: IncomingMessage, response: ServerResponse) => void {
  const headers = {
    'X-App-Name': 'http-echo',
    'X-App-Version': VERSION,
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  }
  const bodiless = statusCode === 204 || statusCode === 304
  const { 'Content-Length': _length, ...headersOnly } = headers
  return (request, response) => {
    request.resume()
    request.once('end', () => {
      response.writeHead(statusCode, bodiless ? headersOnly : headers)
      response.end(bodiless ? undefined : body)
    })
  }
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/'
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

/** One line per request on stdout, written once per turn of the event loop. A log that cannot be written (its disk is full) ends nothing. */
class AccessLog {
  readonly #bodyBytes: number
  #lines: string[] = []

  constructor(bodyBytes: number) {
    this.#bodyBytes = bodyBytes
    process.stdout.on('error', () => {})
  }

  record(request: IncomingMessage, response: ServerResponse, path: string): void {
    const startedMs = performance.now()
    const remote = `${request.socket.remoteAddress}:${request.socket.remotePort}`
    response.once('finish', () => {
      this.#add(
        `${timestamp(new Date())} ${request.headers.host ?? ''} ${remote} ` +
          `"${request.method} ${path} HTTP/${request.httpVersion}" ${response.statusCode} ${this.#bodyBytes} ` +
          `"${request.headers['user-agent'] ?? ''}" ${duration(performance.now() - startedMs)}\n`,
      )
    })
  }

  #add(line: string): void {
    if (this.#lines.push(line) === 1) setImmediate(() => this.#flush())
  }

  #flush(): void {
    process.stdout.write(this.#lines.join(''))
    this.#lines = []
  }
}

function timestamp(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' ')
}

/** As Go prints durations: `53.2µs`, `1.25ms`. */
function duration(ms: number): string {
  return ms < 1 ? `${(ms * 1000).toFixed(1)}µs` : `${ms.toFixed(3)}ms`
}

main()
