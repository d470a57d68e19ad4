/**
 * An endpoint that writes down what arrives, byte for byte, and reads it with a reader of its own: the plainest there is, which
 * shares nothing with the proxy's. It answers a request only when it has all of it.
 */
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'

import type { Expected } from './http1-corpus.ts'
import { startRawBackend } from './live-proxy.ts'

export interface Recorder {
  readonly port: number
  /** Requests that arrived whole, in their order. */
  readonly requests: readonly Expected[]
  /** What stands on open and closed connections beyond the last whole request. */
  rest(): string
  /** Forgets what came so far. */
  clear(): void
  /** What is answered next, as bytes; without it, 200 and `fine`. */
  answerNext(bytes: string): void
}

export const FINE = 'HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 4\r\n\r\nfine'

export async function startRecorder(t: TestContext): Promise<Recorder> {
  let requests: Expected[] = []
  let next: string | null = null
  const rests = new Map<Socket, string>()
  const { port } = await startRawBackend(t, (socket) => {
    rests.set(socket, '')
    socket.on('data', (chunk: Buffer) => {
      let text = (rests.get(socket) ?? '') + chunk.toString('latin1')
      for (let read = readOne(text); read !== null; read = readOne(text)) {
        requests.push(read.request)
        text = text.slice(read.end)
        socket.write(next ?? FINE, 'latin1')
        next = null
      }
      rests.set(socket, text)
    })
  })
  return {
    port,
    get requests() {
      return requests
    },
    rest: () => [...rests.values()].join(''),
    clear() {
      requests = []
      for (const socket of rests.keys()) {
        if (socket.destroyed) rests.delete(socket)
        else rests.set(socket, '')
      }
    },
    answerNext(bytes) {
      next = bytes
    },
  }
}

/** The fields that every request gets from the proxy. */
const ADDED = /^(x-forwarded-proto: http|x-request-id: [0-9a-f-]{36}|x-forwarded-for: 127\.0\.0\.1)$/

function readOne(text: string): { readonly request: Expected; readonly end: number } | null {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return null
  const [line = '', ...rest] = text.slice(0, end).split('\r\n')
  const fields = rest.map((field) =>
    field.replace(/^([^:]*):[ \t]*(.*)$/s, (_, name: string, value: string) =>
      `${name.toLowerCase()}: ${value}`.trimEnd(),
    ),
  )
  const length = bodyLength(fields, text.slice(end + 4))
  if (length === null) return null
  const body = text.slice(end + 4, end + 4 + length)
  return { request: { line, fields: fields.filter((field) => !ADDED.test(field)), body }, end: end + 4 + length }
}

/** `null`: more must come. */
function bodyLength(fields: readonly string[], behind: string): number | null {
  if (fields.some((field) => /^transfer-encoding: *chunked$/i.test(field))) return chunkedLength(behind)
  const length = Number(fields.find((field) => field.startsWith('content-length: '))?.slice(16) ?? 0)
  return behind.length < length ? null : length
}

function chunkedLength(behind: string): number | null {
  for (let at = 0; ;) {
    const lineEnd = behind.indexOf('\r\n', at)
    if (lineEnd === -1) return null
    const size = Number.parseInt(behind.slice(at, lineEnd), 16)
    if (size === 0) {
      const end = behind.indexOf('\r\n\r\n', lineEnd)
      return end === -1 ? null : end + 4
    }
    at = lineEnd + 2 + size + 2
  }
}
