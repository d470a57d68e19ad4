/**
 * Differential fuzzing of our HTTP/1 reading: what we accept, Node's own parser (llhttp, strict) accepts with the same
 * meaning. That is the direction that matters: to refuse more than others is safe, to understand differently is not.
 *
 * What is compared, for every case that we accept (all of them, no sample):
 * - requests as the client sent them: how many they are, method, target, fields, content, where the last one ends;
 * - requests as we forward them, with one more behind them as on a kept connection to an endpoint: the fields are those that
 *   a proxy leaves and adds, and the next request begins where we think it does;
 * - responses: status, fields, content and where they end, as Node's client reads them;
 * - the same bytes in other pieces mean the same to us.
 * What we refuse is not shown to Node: there is no meaning to compare.
 *
 * A later HTTP/1.x means what 1.1 does (RFC 9110 §2.5); Node knows none, and is shown 1.1 in its place.
 *
 * Where Node cannot be asked, and the comparison ends with the request before: methods that it does not know by name, CONNECT
 * (never forwarded), and what comes behind a wish to upgrade or a `Proxy-Connection`: Node reads no further behind the one, and
 * takes the other for `Connection`.
 *
 * `FUZZ_CASES=10000000 node --test test/conformance/http1-fuzz.test.ts` runs longer, `FUZZ_SEED` chooses other cases.
 */
import assert from 'node:assert/strict'
import { METHODS } from 'node:http'
import { test } from 'node:test'
import { defined } from '../../src/base/assert.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Random } from '../../src/base/random.ts'
import { cutsOf, fuzzedRequests, fuzzedResponse, pick } from '../support/http1-grammar.ts'
import { RequestJudge, judgeResponses } from '../support/http1-judge.ts'
import type { Judged, JudgedResponse } from '../support/http1-judge.ts'
import { readRequests, readResponse } from '../support/http1-reading.ts'
import type { Message, RequestMessage, ResponseRead } from '../support/http1-reading.ts'

const CASES = Number(process.env['FUZZ_CASES'] ?? 200_000)
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261)
/** Requests and responses; requests have more ways to be read. */
const REQUEST_CASES = Math.ceil(CASES * 0.75)
const RESPONSE_CASES = CASES - REQUEST_CASES
/** How many connections Node reads in one turn of the event loop. */
const BATCH = 250
/** Below, the generator has lost its way and the comparison says little. */
const ACCEPTED_SHARE_MIN = 0.1

const FOLLOWING = 'GET /following HTTP/1.1\r\nHost: following\r\n\r\n'

const FOLLOWING_MEANING = { start: 'GET /following', fields: ['Host', 'following'], body: '' }
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS)

interface RequestCase {
  readonly text: string
  readonly messages: readonly RequestMessage[]
}

test(`requests: of ${REQUEST_CASES} cases, what is accepted means the same to Node`, async () => {
  const random = seededRandom(SEED)
  const judge = new RequestJudge()
  let accepted = 0
  for (let done = 0; done < REQUEST_CASES; done += BATCH) {
    const cases = requestCases(Math.min(BATCH, REQUEST_CASES - done), random)
    accepted += cases.length
    await compareAsSent(cases, judge)
    await compareAsForwarded(cases, judge)
  }
  assert.ok(accepted > REQUEST_CASES * ACCEPTED_SHARE_MIN, `only ${accepted} cases were accepted`)
})

test(`responses: of ${RESPONSE_CASES} cases, what is accepted means the same to Node`, async () => {
  const random = seededRandom(SEED + 1)
  let accepted = 0
  for (let done = 0; done < RESPONSE_CASES; done += BATCH) {
    const cases = responseCases(Math.min(BATCH, RESPONSE_CASES - done), random)
    accepted += cases.length
    const judged = await judgeResponses(
      cases.map(({ method, text, read, message }) => ({
        method,
        bytes: responseInHttp11(text.slice(0, message.end)),
        ends: read.endsWithConnection,
      })),
    )
    for (const [index, each] of cases.entries()) compareResponse(each, judged[index])
  }
  assert.ok(accepted > RESPONSE_CASES * ACCEPTED_SHARE_MIN, `only ${accepted} cases were accepted`)
})

/** Makes so many cases; returns those of which we accept a request at least, as far as Node can be asked about them. */
function requestCases(count: number, random: Random): RequestCase[] {
  const cases: RequestCase[] = []
  for (let index = 0; index < count; index++) {
    const text = fuzzedRequests(random)
    const bytes = Buffer.from(text, 'latin1')
    const read = readRequests(bytes)
    same(readRequests(bytes, cutsOf(text.length, random)), read, `in pieces: ${JSON.stringify(text)}`)
    const messages = comparable(read.messages)
    if (messages.length > 0) cases.push({ text, messages })
  }
  return cases
}

/** Up to what Node does not know, and up to what ends a connection for Node. */
function comparable(messages: readonly RequestMessage[]): readonly RequestMessage[] {
  const unknown = messages.findIndex(({ method }) => method === 'CONNECT' || !KNOWN_METHODS.has(method))
  const asked = unknown === -1 ? messages : messages.slice(0, unknown)
  const last = asked.findIndex((message) => endsConnection(message))
  return last === -1 ? asked : asked.slice(0, last + 1)
}

/** For us, or for Node: a wish to upgrade, also to h2c, which we do not pass on; and a field that it takes for `Connection`. */
function endsConnection({ keepAlive, fields }: RequestMessage): boolean {
  return !keepAlive || fields.some((name, index) => index % 2 === 0 && /^(upgrade|proxy-connection)$/i.test(name))
}

async function compareAsSent(cases: readonly RequestCase[], judge: RequestJudge): Promise<void> {
  const inputs = cases.map(({ text, messages }) => {
    const last = defined(messages.at(-1), 'request')
    const sent = inHttp11(text, messages)
    return { text, sent, messages, isLast: endsConnection(last) }
  })
  const judged = await judge.judge(inputs.map(({ sent, isLast }) => (isLast ? sent : sent + FOLLOWING)))
  for (const [index, { text, messages, isLast }] of inputs.entries()) {
    sameMeaning(judged[index], isLast ? messages : [...messages, FOLLOWING_MEANING], `as sent: ${JSON.stringify(text)}`)
  }
  // Where nothing can follow, the message must not be over a byte before.
  const last = inputs.filter(({ isLast }) => isLast)
  const early = await judge.judge(last.map(({ sent }) => sent.slice(0, -1)))
  for (const [index, { text, messages }] of last.entries()) {
    const isWhole = early[index]?.complete === true && early[index].messages.length === messages.length
    assert.ok(!isWhole, `over before its end: ${JSON.stringify(text)}`)
  }
}

/** The messages as they were sent, but for later versions. */
function inHttp11(text: string, messages: readonly RequestMessage[]): string {
  return messages
    .map(({ end }, index) => text.slice(messages[index - 1]?.end ?? 0, end))
    .map((message) => message.replace(/^((?:\r\n)?[^\r\n]* HTTP\/1\.)[2-9]\r\n/, '$11\r\n'))
    .join('')
}

async function compareAsForwarded(cases: readonly RequestCase[], judge: RequestJudge): Promise<void> {
  const all = cases.flatMap(({ text, messages }) => messages.map((message) => ({ text, message })))
  const judged = await judge.judge(all.map(({ message }) => message.forwarded + FOLLOWING))
  for (const [index, { text, message }] of all.entries()) {
    const expected = message.isUpgrade ? [message.expected] : [message.expected, FOLLOWING_MEANING]
    sameMeaning(judged[index], expected, `as forwarded: ${JSON.stringify(text)}`)
  }
}

function sameMeaning(judged: Judged | undefined, messages: readonly Omit<Message, 'end'>[], about: string): void {
  assert.equal(judged?.problem, '', about)
  assert.ok(judged.complete, `not complete: ${about}`)
  same(
    judged.messages,
    messages.map(({ start, fields, body }) => ({ start, fields, body })),
    about,
  )
}

/** As `deepEqual`, which is too slow to be asked every time. */
function same<T>(actual: T, expected: T, about: string): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) assert.deepEqual(actual, expected, about)
}

interface ResponseCase {
  readonly method: string
  readonly text: string
  readonly read: ResponseRead
  readonly message: Message
}

function responseCases(count: number, random: Random): ResponseCase[] {
  const cases: ResponseCase[] = []
  for (let index = 0; index < count; index++) {
    const method = pick(['GET', 'GET', 'GET', 'POST', 'HEAD'], random)
    const text = fuzzedResponse(random)
    const bytes = Buffer.from(text, 'latin1')
    const read = readResponse(bytes, method)
    same(readResponse(bytes, method, cutsOf(text.length, random)), read, `in pieces: ${JSON.stringify(text)}`)
    if (read.message !== null) cases.push({ method, text, read, message: read.message })
  }
  return cases
}

/** The response, with those before it that are interim, but for later versions. */
function responseInHttp11(text: string): string {
  const headEnd = text.indexOf('\r\n\r\n') + 4
  const rest = text.slice(headEnd)
  const head = text.slice(0, headEnd).replace(/^HTTP\/1\.[2-9]/, 'HTTP/1.1')
  return head + (head.startsWith('HTTP/1.1 1') ? responseInHttp11(rest) : rest)
}

function compareResponse({ text, method, message, read }: ResponseCase, judged: JudgedResponse | undefined): void {
  const about = `${method} ${JSON.stringify(text)}`
  sameMeaning(judged, [message], about)
  assert.ok(read.endsWithConnection || judged?.completeBeforeLastByte === false, about)
}
