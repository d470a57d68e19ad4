/**
 * The corpus of smuggling shapes, through a live proxy. What counts is what really arrived, byte for byte: the endpoint writes
 * it down and reads it with a reader that knows nothing of ours. All shapes share one proxy and its kept connections, so that
 * one which leaves something behind there spoils the next.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { requestShapes } from '../support/http1-corpus.ts'
import type { Outcome, Shape } from '../support/http1-corpus.ts'
import { responseShapes } from '../support/http1-response-corpus.ts'
import { FINE, startRecorder } from '../support/http1-recorder.ts'
import type { Recorder } from '../support/http1-recorder.ts'
import { RawClient, forwardingTo, startProxy } from '../support/live-proxy.ts'

/** Byte by byte only up to here: longer shapes are about limits, not about where they are cut. */
const BYTE_BY_BYTE_MAX = 2_000

/** An answer that never comes is a failure, not a test that hangs. */
const TIMEOUT_MS = 30_000

const MARKER = { line: 'GET /marker HTTP/1.1', fields: ['host: marker'], body: '' }

interface Lab {
  readonly recorder: Recorder
  readonly port: number
}

async function startLab(t: TestContext): Promise<Lab> {
  const recorder = await startRecorder(t)
  const { port } = await startProxy(t, forwardingTo(recorder.port))
  return { recorder, port }
}

test('a request of the corpus is refused, or forwarded with one meaning:', { timeout: TIMEOUT_MS }, async (t) => {
  const lab = await startLab(t)
  for (const shape of requestShapes) {
    await t.test(shape.name, async (each) => {
      await holds(each, lab, shape, [shape.bytes])
      if (shape.bytes.length <= BYTE_BY_BYTE_MAX) await holds(each, lab, shape, shape.bytes.split(''))
    })
  }
})

async function holds(t: TestContext, lab: Lab, { outcome, bytes }: Shape, parts: readonly string[]): Promise<void> {
  const { recorder } = lab
  recorder.clear()
  const client = new RawClient(t, lab.port)
  for (const part of parts) {
    client.send(part)
    await nextTurn()
  }
  await clientGets(client, outcome)
  client.socket.destroy()
  await sendMarker(t, lab)
  const expected = outcome.kind === 'forwarded' ? outcome.requests : []
  assert.deepEqual(recorder.requests, [...expected, MARKER])
  const rest = recorder.rest()
  if (outcome.kind === 'broken-off') assert.ok(rest === '' || isBrokenOff(rest, bytes), rest)
  else assert.equal(rest, '')
}

async function clientGets(client: RawClient, outcome: Outcome): Promise<void> {
  if (outcome.kind !== 'forwarded') {
    assert.match(await client.untilClosed(), onlyStatus(outcome.status))
    return
  }
  const answers = FINE.repeat(outcome.requests.length)
  const isLast = outcome.refusal === undefined
  const text = isLast
    ? await client.until((seen) => seen.split('fine').length > outcome.requests.length)
    : await client.untilClosed()
  // The last answer may say that the connection ends here.
  const kept = text.replace('Content-Length: 4\r\nconnection: close\r\n', 'Content-Length: 4\r\n')
  assert.equal(kept.slice(0, answers.length), answers)
  if (isLast) assert.equal(kept, answers)
  else assert.match(text.slice(answers.length), onlyStatus(outcome.refusal))
}

/** One response of this status, and nothing behind its body. */
function onlyStatus(status: number): RegExp {
  return new RegExp(`^HTTP/1\\.1 ${status} [^\\r]*\\r\\n(?:[^\\r]+\\r\\n)*connection: close\\r\\n\\r\\n[^\\r\\n]*\\n$`)
}

/** The head of the request, and of its body nothing that completes it. */
function isBrokenOff(rest: string, bytes: string): boolean {
  const body = rest.slice(rest.indexOf('\r\n\r\n') + 4)
  const sent = bytes.slice(bytes.indexOf('\r\n\r\n') + 4)
  return sent.startsWith(body) && body.length < sent.length
}

/** Another client's request, on the same connections to the endpoint: behind it, all that was to arrive has arrived. */
async function sendMarker(t: TestContext, { port }: Lab): Promise<void> {
  const client = new RawClient(t, port)
  client.send('GET /marker HTTP/1.1\r\nHost: marker\r\nConnection: close\r\n\r\n')
  assert.match(await client.untilClosed(), /^HTTP\/1.1 200 [^]*\r\n\r\nfine$/)
}

test('a response of the corpus is refused, or passed on with one meaning:', { timeout: TIMEOUT_MS }, async (t) => {
  const lab = await startLab(t)
  for (const { name, bytes, client: expected } of responseShapes) {
    await t.test(name, async (each) => {
      lab.recorder.clear()
      lab.recorder.answerNext(bytes)
      const client = new RawClient(each, lab.port)
      client.send('GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n')
      const text = await client.until((seen) => seen.endsWith(FINE))
      const first = withoutOurDate(text.slice(0, -FINE.length))
      assert.match(first, typeof expected === 'number' ? ownAnswer(expected) : expected)
      assert.deepEqual(
        lab.recorder.requests.map(({ line }) => line),
        ['GET /1 HTTP/1.1', 'GET /2 HTTP/1.1'],
      )
      client.socket.destroy()
    })
  }
})

/** The endpoint gives none, so the proxy adds one to each. */
function withoutOurDate(text: string): string {
  return text.replace(/\r\ndate: [^\r]+ GMT(?=\r\n)/, '')
}

/** One response of this status with its body of one line. */
function ownAnswer(status: number): RegExp {
  return new RegExp(
    `^(?:HTTP/1\\.1 100 Continue\\r\\n\\r\\n)?HTTP/1\\.1 ${status} [^\\r]*\\r\\n(?:[^\\r]+\\r\\n)*\\r\\n[^\\r\\n]*\\n$`,
  )
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
