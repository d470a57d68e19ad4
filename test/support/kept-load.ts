/** Constant load on kept connections, each with one request after the other, by Node's own clients. */
import { Agent, request as httpRequest } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'

import { replyOf } from './http2-client.ts'
import { readBody } from './live-proxy.ts'

export interface LoadRequest {
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent with its length, or in so many chunks. */
  readonly body?: string
  readonly chunks?: number
}

export interface LoadAnswer {
  readonly request: LoadRequest
  /** Order of sending. */
  readonly sequence: number
  /** The first request that was sent on the same connection. */
  readonly connectedAt: number
  /** 0: there was none. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Or the error's code. */
  readonly body: string
}

export interface KeptLoad {
  /** Requests sent so far. */
  readonly sent: number
  /** Requests that are on their way. */
  readonly underWay: number
  /** Connections that were closed by the other side or failed, made ones only. */
  readonly broken: number
  /** Resolves once so many requests that are sent from now on are over. */
  more(count: number): Promise<void>
  /** Lets the requests under way finish. */
  stop(): Promise<void>
}

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  readonly next: (sequence: number, connection: number) => LoadRequest
  readonly onAnswer: (answer: LoadAnswer) => void
  /** A new connection for each request. */
  readonly isFresh?: boolean
  /** Streams of one HTTP/2 connection instead of connections. */
  readonly isHttp2?: boolean
}

/** One of the connections, or what stands for one. */
interface Sender {
  send(request: LoadRequest): Promise<Pick<LoadAnswer, 'status' | 'headers' | 'body'>>
  close(): void
}

interface Waiting {
  readonly from: number
  missing: number
  readonly resolve: () => void
}

export function startKeptLoad(options: LoadOptions): KeptLoad {
  const { connections, next, onAnswer } = options
  const waiting = new Set<Waiting>()
  let sent = 0
  let underWay = 0
  let broken = 0
  let isStopping = false

  const onClosed = (): void => {
    if (!isStopping) broken++
  }
  const makeSender = options.isHttp2 === true ? streamsOfOne(options.port, onClosed) : ownConnections(options, onClosed)
  const onOver = (answer: LoadAnswer): void => {
    onAnswer(answer)
    for (const each of waiting) {
      if (answer.sequence < each.from || --each.missing > 0) continue
      waiting.delete(each)
      each.resolve()
    }
  }
  const drive = async (connection: number): Promise<void> => {
    let sequence = 0
    let connectedAt = 0
    const sender = makeSender(() => (connectedAt = sequence))
    while (!isStopping) {
      sequence = sent++
      const request = next(sequence, connection)
      underWay++
      const answer = await sender.send(request)
      underWay--
      onOver({ request, sequence, connectedAt, ...answer })
    }
    sender.close()
  }
  const drivers = Array.from({ length: connections }, (_, connection) => drive(connection))
  return {
    get sent() {
      return sent
    },
    get underWay() {
      return underWay
    },
    get broken() {
      return broken
    },
    more: (missing) =>
      new Promise((resolve) => {
        waiting.add({ from: sent, missing, resolve })
      }),
    async stop() {
      isStopping = true
      await Promise.all(drivers)
    },
  }
}

/** `onConnect` is called with the first request of each connection. */
type MakeSender = (onConnect: () => void) => Sender

function ownConnections({ port, isFresh = false }: LoadOptions, onClosed: () => void): MakeSender {
  return (onConnect) => {
    const agent = new Agent({ keepAlive: !isFresh, maxSockets: 1 })
    const seen = new WeakSet<Socket>()
    const onSocket = (socket: Socket): void => {
      if (seen.has(socket)) return
      seen.add(socket)
      onConnect()
      socket.on('close', () => {
        if (!isFresh && socket.bytesWritten > 0) onClosed()
      })
    }
    return { send: (request) => send(port, request, { agent, onSocket }), close: () => agent.destroy() }
  }
}

function streamsOfOne(port: number, onClosed: () => void): MakeSender {
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  session.on('goaway', onClosed)
  let users = 0
  return () => {
    users++
    return {
      async send({ path, method = 'GET', headers = {}, body, chunks = 1 }) {
        if (session.destroyed) return { status: 0, headers: {}, body: 'the connection is gone' }
        const stream = session.request(
          { ':path': path, ':method': method, ...headers },
          { endStream: body === undefined },
        )
        if (body !== undefined) {
          for (const part of partsOf(body, chunks)) stream.write(part)
          stream.end()
        }
        const { status, headers: fields, body: text, code } = await replyOf(stream)
        return code === 0 ? { status, headers: fields, body: text } : { status: 0, headers: {}, body: `code ${code}` }
      },
      close() {
        if (--users === 0) session.close()
      },
    }
  }
}

function partsOf(body: string, count: number): readonly string[] {
  const size = Math.ceil(body.length / Math.max(count, 1))
  return Array.from({ length: Math.ceil(body.length / size) }, (_, index) =>
    body.slice(index * size, (index + 1) * size),
  )
}

interface SendOptions {
  readonly agent: Agent
  readonly onSocket: (socket: Socket) => void
}

function send(
  port: number,
  { path, method = 'GET', headers = {}, body, chunks = 0 }: LoadRequest,
  { agent, onSocket }: SendOptions,
): Promise<Pick<LoadAnswer, 'status' | 'headers' | 'body'>> {
  return new Promise((resolve) => {
    const fail = (error: Error): void => {
      const code = 'code' in error ? String(error.code) : error.message
      resolve({ status: 0, headers: {}, body: code })
    }
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent }, (response) => {
      readBody(response).then(
        (text) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        fail,
      )
    })
    request.on('socket', onSocket)
    request.on('error', fail)
    if (body === undefined || chunks === 0) {
      request.end(body)
      return
    }
    for (const part of partsOf(body, chunks)) request.write(part)
    request.end()
  })
}
