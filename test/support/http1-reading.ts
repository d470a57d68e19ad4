/**
 * What our own parser makes of the bytes of a connection, in memory: the loop of a client connection (and of a connection to
 * an endpoint) without its sockets. A head is read from all the text that came so far, a body part by part as it comes.
 */
import { ChunkedReader, MALFORMED } from '../../src/proxy/http1/chunked-reader.ts'
import type { HeadFields } from '../../src/proxy/http1/head-fields.ts'
import { RequestHead } from '../../src/proxy/http1/request-head.ts'
import { ResponseHead } from '../../src/proxy/http1/response-head.ts'
import { requestHead } from '../../src/proxy/serving/forwarded-heads.ts'

export interface Message {
  /** Method and target of a request as they were sent; status of a response. */
  readonly start: string
  /** Names as they were sent, and values, one after the other. */
  readonly fields: readonly string[]
  /** The content, without chunks. */
  readonly body: string
  /** Where the message ends in the whole input. */
  readonly end: number
}

export interface RequestMessage extends Message {
  readonly method: string
  readonly keepAlive: boolean
  readonly isUpgrade: boolean
  /** What an endpoint gets: the head with what a proxy adds, and the body as it came. */
  readonly forwarded: string
  /** Method, target, fields and content that the endpoint should see. */
  readonly expected: Omit<Message, 'end'>
}

/** `more`: the input ends inside a message, or right behind one. */
export type Ending = 'more' | 'refused' | 'closed' | 'upgrade'

export interface RequestsRead {
  readonly messages: readonly RequestMessage[]
  readonly ending: Ending
}

const CLIENT_ADDRESS = '192.0.2.1'

/** Reads all requests up to the first that is refused, that ends its connection, or that is not complete. */
export function readRequests(bytes: Buffer, cuts: readonly number[] = []): RequestsRead {
  const reader = new RequestReader()
  let from = 0
  for (const to of [...cuts, bytes.length]) {
    reader.push(bytes.subarray(from, to))
    from = to
  }
  return { messages: reader.messages, ending: reader.ending }
}

class RequestReader {
  readonly messages: RequestMessage[] = []
  ending: Ending = 'more'
  readonly #head = new RequestHead()
  readonly #body = new BodyReader()
  #input = Buffer.alloc(0)
  #consumed = 0
  #isInBody = false

  push(chunk: Buffer): void {
    if (this.ending !== 'more') return
    this.#input = Buffer.concat([this.#input, chunk])
    while (this.ending === 'more' && this.#input.length > 0 && (this.#isInBody ? this.#readBody() : this.#readHead()));
  }

  #readHead(): boolean {
    const state = this.#head.parse(this.#input.toString('latin1'), 0)
    if (state === 'refused') this.ending = 'refused'
    if (state !== 'complete') return false
    const { chunked, contentLength } = this.#head.fields
    this.#body.start(chunked ? 'chunked' : 'length', contentLength)
    this.#take(this.#head.end)
    this.#isInBody = true
    return this.#readBody()
  }

  #readBody(): boolean {
    const to = this.#body.read(this.#input)
    if (to === MALFORMED) {
      this.ending = 'refused'
      return false
    }
    this.#take(to)
    if (!this.#body.done) return false
    this.#isInBody = false
    this.messages.push(this.#message())
    if (this.#head.isUpgrade) this.ending = 'upgrade'
    else if (!this.#head.keepAlive) this.ending = 'closed'
    return true
  }

  #message(): RequestMessage {
    const head = this.#head
    const fields = fieldsOf(head.fields)
    const line = head.text.slice(head.start, head.fieldsStart - ' HTTP/1.1\r\n'.length)
    const options = {
      policy: { rewritePath: null, editRequest: null, authority: undefined },
      clientAddress: CLIENT_ADDRESS,
      requestId: 'new',
      upgrade: head.isUpgrade,
      scheme: 'http' as const,
      trustedHops: Infinity,
      trace: null,
    }
    const { content, raw } = this.#body
    return {
      start: line,
      method: head.method,
      fields,
      body: content,
      end: this.#consumed,
      keepAlive: head.keepAlive,
      isUpgrade: head.isUpgrade,
      forwarded: requestHead(head, options) + raw,
      expected: { start: `${head.method} ${head.target}`, fields: expectedFields(head, fields), body: content },
    }
  }

  #take(count: number): void {
    this.#input = this.#input.subarray(count)
    this.#consumed += count
  }
}

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'upgrade',
]
const KEPT = ['host', 'content-length', 'transfer-encoding', 'x-request-id']

/** RFC 9110 §7.6.1 once more, in the plainest words, so that the proxy's slices are held against something. */
function expectedFields(head: RequestHead, fields: readonly string[]): string[] {
  const pairs = Array.from({ length: fields.length / 2 }, (_, index) => ({
    name: fields[2 * index] ?? '',
    key: (fields[2 * index] ?? '').toLowerCase(),
    value: fields[2 * index + 1] ?? '',
  }))
  const all = (key: string): string[] => pairs.filter((pair) => pair.key === key).map(({ value }) => value)
  const named = all('connection').flatMap((value) =>
    value
      .toLowerCase()
      .split(',')
      .map((option) => option.replaceAll(/^[ \t]+|[ \t]+$/g, '')),
  )
  const removed = new Set([
    ...HOP_BY_HOP,
    ...named.filter((name) => !KEPT.includes(name)),
    'x-forwarded-for',
    'x-forwarded-proto',
  ])
  const before = all('x-forwarded-for').join(',')
  const id = pairs.find(({ key, value }) => key === 'x-request-id' && value !== '')
  const replacesHost = head.isAbsolute || all('host').length === 0
  if (replacesHost) removed.add('host')
  return [
    ...pairs
      .filter((pair) => !removed.has(pair.key) && (pair.key !== 'x-request-id' || pair === id))
      .flatMap(({ name, value }) => [name, value]),
    ...(replacesHost ? ['host', head.host] : []),
    'x-forwarded-for',
    before === '' ? CLIENT_ADDRESS : `${before}, ${CLIENT_ADDRESS}`,
    'x-forwarded-proto',
    'http',
    ...(id === undefined ? ['x-request-id', 'new'] : []),
    ...(head.isUpgrade ? ['connection', 'upgrade', 'upgrade', all('upgrade').at(-1) ?? ''] : []),
  ]
}

export interface ResponseRead {
  /** The final response; `null`: refused, or not complete. */
  readonly message: Message | null
  readonly isRefused: boolean
  /** Whether only the end of the connection ends the body. */
  readonly endsWithConnection: boolean
}

/** Reads one response to a request of this method, and those of status 1xx before it. */
export function readResponse(bytes: Buffer, method: string, cuts: readonly number[] = []): ResponseRead {
  const head = new ResponseHead()
  const text = bytes.toString('latin1')
  let from = 0
  for (;;) {
    const state = head.parse(text.slice(from), 0)
    if (state !== 'complete') return { message: null, isRefused: state === 'refused', endsWithConnection: false }
    from += head.end
    if (head.status >= 200) break
    // A tunnel from here on: nothing to be compared.
    if (head.status === 101) return { message: null, isRefused: false, endsWithConnection: false }
  }
  const framing = head.framing(method)
  const body = new BodyReader()
  body.start(framing, head.fields.contentLength)
  let at = from
  for (const cut of [...cuts.filter((position) => position > from), bytes.length]) {
    const read = body.read(bytes.subarray(at, cut))
    if (read === MALFORMED) return { message: null, isRefused: true, endsWithConnection: false }
    at += read
    if (body.done) break
  }
  const endsWithConnection = framing === 'close'
  if (!body.done && !endsWithConnection) return { message: null, isRefused: false, endsWithConnection }
  const message = { start: String(head.status), fields: fieldsOf(head.fields), body: body.content, end: at }
  return { message, isRefused: false, endsWithConnection }
}

class BodyReader {
  readonly #chunks = new ChunkedReader()
  #framing: 'none' | 'length' | 'chunked' | 'close' = 'none'
  #remaining = 0
  content = ''
  raw = ''

  start(framing: 'none' | 'length' | 'chunked' | 'close', length: number): void {
    this.#framing = framing
    this.#remaining = framing === 'length' ? Math.max(0, length) : 0
    this.#chunks.reset()
    this.content = ''
    this.raw = ''
  }

  get done(): boolean {
    if (this.#framing === 'chunked') return this.#chunks.done
    return this.#framing !== 'close' && this.#remaining === 0
  }

  /** How many of the bytes belong to the body, or `MALFORMED`. */
  read(bytes: Buffer): number {
    const to = this.#endIn(bytes)
    if (to !== MALFORMED) this.raw += bytes.toString('latin1', 0, to)
    return to
  }

  #endIn(bytes: Buffer): number {
    const take = (from: number, to: number): void => {
      this.content += bytes.toString('latin1', from, to)
    }
    if (this.#framing === 'chunked') return this.#chunks.read(bytes, 0, bytes.length, take)
    const to = this.#framing === 'close' ? bytes.length : Math.min(bytes.length, this.#remaining)
    this.#remaining -= to
    take(0, to)
    return to
  }
}

function fieldsOf(fields: HeadFields): string[] {
  return Array.from({ length: fields.count }, (_, index) => index).flatMap((index) => [
    fields.text.slice(fields.lineStart(index), fields.lineStart(index) + fields.name(index).length),
    fields.value(index),
  ])
}
