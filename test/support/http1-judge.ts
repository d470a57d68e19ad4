/**
 * The other opinion: what Node's own parser (llhttp, strict) makes of the same bytes. Its HTTP server and client get the bytes
 * over connections that exist in memory only; nobody answers, so nothing but reading happens.
 */
import { createServer, request as httpRequest } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import { Duplex } from 'node:stream'

import type { Message } from './http1-reading.ts'

/** More than ours allows, so that the limits of the other side never decide. */
const HEAD_BYTES_MAX = 256 * 1024

export interface Judged {
  readonly messages: readonly Omit<Message, 'end'>[]
  /** Whether the last message is complete. */
  readonly complete: boolean
  /** Why the bytes were refused, or an empty string. */
  readonly problem: string
}

interface Session {
  readonly messages: { readonly message: IncomingMessage; readonly parts: Buffer[] }[]
  problem: string
}

export class RequestJudge {
  readonly #server: Server
  readonly #sessions = new WeakMap<Duplex, Session>()

  constructor() {
    this.#server = createServer({ maxHeaderSize: HEAD_BYTES_MAX, insecureHTTPParser: false })
    this.#server.maxHeadersCount = 0
    const take = (message: IncomingMessage): void => {
      const parts: Buffer[] = []
      message.on('data', (part: Buffer) => parts.push(part))
      message.on('error', () => {})
      this.#sessions.get(message.socket)?.messages.push({ message, parts })
    }
    this.#server.on('request', take).on('checkContinue', take).on('checkExpectation', take)
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const session = this.#sessions.get(socket)
      if (session !== undefined) session.problem = `${error.code ?? ''} ${error.message}`
    })
  }

  /** Reads each of the inputs as a connection of its own. */
  async judge(inputs: readonly string[]): Promise<Judged[]> {
    const connections = inputs.map((input) => {
      const connection = new MemoryConnection()
      const session: Session = { messages: [], problem: '' }
      this.#sessions.set(connection, session)
      this.#server.emit('connection', connection)
      connection.push(Buffer.from(input, 'latin1'))
      return { connection, session }
    })
    await nextTurn()
    return connections.map(({ connection, session }) => {
      const judged = {
        messages: session.messages.map(({ message, parts }) => ({
          start: `${message.method ?? ''} ${message.url ?? ''}`,
          fields: message.rawHeaders,
          body: Buffer.concat(parts).toString('latin1'),
        })),
        complete: session.messages.at(-1)?.message.complete ?? false,
        problem: session.problem,
      }
      connection.destroy()
      return judged
    })
  }
}

/** What Node's client makes of a response; `head` is what comes before the last byte, so that its end is seen exactly. */
export interface JudgedResponse extends Judged {
  readonly completeBeforeLastByte: boolean
}

export interface ResponseInput {
  readonly method: string
  readonly bytes: string
  /** Whether the connection ends behind the bytes. */
  readonly ends: boolean
}

export async function judgeResponses(inputs: readonly ResponseInput[]): Promise<JudgedResponse[]> {
  const runs = inputs.map((input) => startResponse(input))
  await nextTurn()
  for (const { connection, input } of runs) if (input.ends) connection.push(null)
  await nextTurn()
  return runs.map(({ connection, session, input, completeBeforeLastByte }) => {
    const { message, parts } = session.messages[0] ?? { message: undefined, parts: [] }
    connection.destroy()
    return {
      messages:
        message === undefined
          ? []
          : [
              {
                start: String(message.statusCode),
                fields: message.rawHeaders,
                body: Buffer.concat(parts).toString('latin1'),
              },
            ],
      complete: message?.complete ?? false,
      completeBeforeLastByte: completeBeforeLastByte && input.bytes.length > 0,
      problem: session.problem,
    }
  })
}

function startResponse(input: ResponseInput): {
  readonly connection: MemoryConnection
  readonly session: Session
  readonly input: ResponseInput
  readonly completeBeforeLastByte: boolean
} {
  const connection = new MemoryConnection()
  const session: Session = { messages: [], problem: '' }
  const options = {
    method: input.method,
    maxHeaderSize: HEAD_BYTES_MAX,
    insecureHTTPParser: false,
    createConnection: () => connection,
  }
  const request = httpRequest(options, (message) => {
    const parts: Buffer[] = []
    message.on('data', (part: Buffer) => parts.push(part))
    message.on('error', () => {})
    session.messages.push({ message, parts })
  })
  request.maxHeadersCount = 0
  request.on('error', (error: NodeJS.ErrnoException) => {
    session.problem = `${error.code ?? ''} ${error.message}`
  })
  request.end()
  const bytes = Buffer.from(input.bytes, 'latin1')
  // The connection is given to the request in the next tick; until then what is pushed waits.
  connection.push(bytes.subarray(0, -1))
  const state = { connection, session, input, completeBeforeLastByte: false }
  process.nextTick(() => {
    state.completeBeforeLastByte = session.messages[0]?.message.complete ?? false
    connection.push(bytes.subarray(-1))
  })
  return state
}

/** A connection whose other end never reads what is written. */
class MemoryConnection extends Duplex {
  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done()
  }

  /** What Node's server and client ask of a socket. */
  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  destroySoon(): void {
    this.destroy()
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
