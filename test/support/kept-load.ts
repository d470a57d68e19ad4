/** Constant load on kept connections, each with one request after the other, by Node's own client. */
import { Agent, request as httpRequest } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'

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
}

interface Waiting {
  readonly from: number
  missing: number
  readonly resolve: () => void
}

export function startKeptLoad({ port, connections, next, onAnswer, isFresh = false }: LoadOptions): KeptLoad {
  const waiting = new Set<Waiting>()
  let sent = 0
  let underWay = 0
  let broken = 0
  let isStopping = false

  const onOver = (answer: LoadAnswer): void => {
    onAnswer(answer)
    for (const each of waiting) {
      if (answer.sequence < each.from || --each.missing > 0) continue
      waiting.delete(each)
      each.resolve()
    }
  }
  const drive = async (connection: number): Promise<void> => {
    const agent = new Agent({ keepAlive: !isFresh, maxSockets: 1 })
    const seen = new WeakSet<Socket>()
    let sequence = 0
    let connectedAt = 0
    const onSocket = (socket: Socket): void => {
      if (seen.has(socket)) return
      seen.add(socket)
      connectedAt = sequence
      socket.on('close', () => {
        if (!isStopping && !isFresh && socket.bytesWritten > 0) broken++
      })
    }
    while (!isStopping) {
      sequence = sent++
      const request = next(sequence, connection)
      underWay++
      const answer = await send(port, request, { agent, onSocket })
      underWay--
      onOver({ request, sequence, connectedAt, ...answer })
    }
    agent.destroy()
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
    const size = Math.ceil(body.length / chunks)
    for (let from = 0; from < body.length; from += size) request.write(body.slice(from, from + size))
    request.end()
  })
}
