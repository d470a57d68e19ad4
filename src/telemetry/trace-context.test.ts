import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { seededRandom } from '../base/random.ts'
import { TraceIds, readTrace, traceFields } from './trace-context.ts'
import type { SpanContext, TraceHeaders } from './trace-context.ts'

const TRACE = '463ac35c9f6413ad48485a3953bb6124'
const SPAN = 'a2fb4a1d1a96d312'
const PARENT = '0020000000000001'

const read = (fields: Readonly<Record<string, string>>) => readTrace((name) => fields[name])

test('traceparent names trace, span and decision', () => {
  const expected = { traceId: TRACE, spanId: SPAN, isDebug: false, state: '', kinds: ['w3c'] }
  assert.deepEqual(read({ traceparent: `00-${TRACE}-${SPAN}-01` }), { ...expected, isSampled: true })
  assert.deepEqual(read({ traceparent: `00-${TRACE}-${SPAN}-02` }), { ...expected, isSampled: false, isRandom: true })
  assert.deepEqual(read({ traceparent: `cc-${TRACE}-${SPAN}-01-and-more` }), { ...expected, isSampled: true })
})

test('that the id of a trace is random is said again', () => {
  for (const flags of ['00', '01', '02', '03']) {
    const caller = read({ traceparent: `00-${TRACE}-${SPAN}-${flags}` })
    assert.ok(caller !== null && caller.isSampled !== undefined)
    const context = { ...caller, isSampled: caller.isSampled, spanId: PARENT, parentId: SPAN }
    assert.equal(traceFields(context, ['w3c']), `traceparent: 00-${TRACE}-${PARENT}-${flags}\r\n`)
  }
})

test('a malformed traceparent is none', () => {
  for (const traceparent of [
    '',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`,
    `ff-${TRACE}-${SPAN}-01`,
    `cc-${TRACE}-${SPAN}-01.more`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    ` 00-${TRACE}-${SPAN}-01`,
  ]) {
    assert.equal(read({ traceparent }), null, traceparent)
  }
})

test('tracestate goes with a good traceparent, as far as it is good itself', () => {
  const traceparent = `00-${TRACE}-${SPAN}-01`
  assert.equal(
    read({ traceparent, tracestate: 'rojo=00f067,congo=t61 r,,a@b=1' })?.state,
    'rojo=00f067,congo=t61 r,a@b=1',
  )
  assert.equal(read({ traceparent, tracestate: 'rojo' })?.state, '')
  assert.equal(read({ traceparent, tracestate: Array.from({ length: 33 }, (_, i) => `k${i}=v`).join(',') })?.state, '')
  assert.equal(read({ b3: `${TRACE}-${SPAN}-1`, tracestate: 'a=b' })?.state, '')
})

test('b3 in one header has ids of either length, a decision, the wish to debug, a parent', () => {
  for (const [b3, isSampled, isDebug] of [
    [`${TRACE}-${SPAN}`, undefined, false],
    [`${TRACE}-${SPAN}-1`, true, false],
    [`${TRACE}-${SPAN}-0`, false, false],
    [`${TRACE}-${SPAN}-d-${PARENT}`, true, true],
    [`${TRACE.slice(16)}-${SPAN}-1`, true, false],
  ] as const) {
    assert.deepEqual(read({ b3 }), {
      traceId: b3.split('-')[0],
      spanId: SPAN,
      isSampled,
      isDebug,
      state: '',
      kinds: ['b3-single'],
    })
  }
  assert.deepEqual(
    ['0', '1', 'd'].map((b3) => read({ b3 })).map((trace) => [trace?.traceId, trace?.isSampled, trace?.isDebug]),
    [
      ['', false, false],
      ['', true, false],
      ['', true, true],
    ],
  )
  for (const b3 of ['', '2', TRACE, `${TRACE}-${SPAN}-x`, `${TRACE}-${SPAN}-1-`, `${TRACE.slice(1)}-${SPAN}-1`]) {
    assert.equal(read({ b3 }), null, b3)
  }
})

test('b3 in many headers', () => {
  const ids = { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN }
  const expected = { traceId: TRACE, spanId: SPAN, isDebug: false, state: '', kinds: ['b3'] }
  assert.deepEqual(read(ids), { ...expected, isSampled: undefined })
  assert.deepEqual(read({ ...ids, 'x-b3-sampled': '0' }), { ...expected, isSampled: false })
  assert.deepEqual(read({ ...ids, 'x-b3-sampled': 'true' }), { ...expected, isSampled: true })
  assert.deepEqual(read({ ...ids, 'x-b3-flags': '1' }), { ...expected, isSampled: true, isDebug: true })
  assert.equal(read({ 'x-b3-sampled': '0' })?.isSampled, false)
  assert.equal(read({ 'x-b3-traceid': TRACE, 'x-b3-sampled': '1' }), null)
  assert.equal(read({ ...ids, 'x-b3-traceid': 'nonsense' }), null)
  assert.equal(read({}), null)
})

test('where several kinds came, all of them go on, with W3C’s trace', () => {
  const other = { 'x-b3-traceid': PARENT, 'x-b3-spanid': PARENT, 'x-b3-sampled': '0' }
  const both = read({ ...other, b3: '0', traceparent: `00-${TRACE}-${SPAN}-01` })
  assert.deepEqual([both?.traceId, both?.isSampled, both?.kinds], [TRACE, true, ['w3c', 'b3', 'b3-single']])
})

const hex = (digits: number) =>
  fc
    .string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: digits, maxLength: digits })
    .filter((id) => /[^0]/.test(id))

test('what is written is read again as it was', () => {
  const kinds = fc.constantFrom<TraceHeaders[]>('w3c', 'b3', 'b3-single')
  const contexts = fc.record({
    traceId: hex(32),
    spanId: hex(16),
    parentId: fc.oneof(fc.constant(''), hex(16)),
    isSampled: fc.boolean(),
    kind: kinds,
  })
  fc.assert(
    fc.property(contexts, ({ kind, ...rest }) => {
      const context: SpanContext = { ...rest, isDebug: kind !== 'w3c' && rest.isSampled }
      const fields = new Map(
        traceFields(context, [kind])
          .split('\r\n')
          .map((line): [string, string] => {
            const [name = '', value = ''] = line.split(': ')
            return [name, value]
          }),
      )
      const again = readTrace((name) => fields.get(name))
      const { traceId, spanId, isSampled, isDebug } = context
      assert.deepEqual(again, { traceId, spanId, isSampled, isDebug, state: '', kinds: [kind] })
    }),
  )
})

test('whatever the headers say, nothing is thrown, and what is taken has good ids', () => {
  const value = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF-d,= '.split('')) }),
    fc.constantFrom(`00-${TRACE}-${SPAN}-01`, `${TRACE}-${SPAN}-1`, TRACE, SPAN, '1', '0', 'd'),
  )
  const names = ['traceparent', 'tracestate', 'b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled', 'x-b3-flags']
  const fields = fc.record(Object.fromEntries(names.map((name) => [name, fc.option(value, { nil: undefined })])))
  fc.assert(
    fc.property(fields, (said) => {
      const trace = readTrace((name) => said[name])
      return (
        trace === null ||
        trace.traceId === '' ||
        /^([0-9a-f]{16}){1,2} [0-9a-f]{16}$/.test(`${trace.traceId} ${trace.spanId}`)
      )
    }),
  )
})

test('a trace in 64 bits is written to W3C’s header with zeros before it', () => {
  const context = { traceId: SPAN, spanId: PARENT, parentId: '', isSampled: false, isDebug: false }
  assert.equal(traceFields(context, ['w3c']), `traceparent: 00-0000000000000000${SPAN}-${PARENT}-00\r\n`)
})

test('new ids have their length and are not zero', () => {
  const ids = new TraceIds(seededRandom(3))
  const made = new Set<string>()
  for (let count = 0; count < 1_000; count++) {
    const traceId = ids.newTraceId()
    const spanId = ids.newSpanId()
    assert.match(`${traceId} ${spanId}`, /^[0-9a-f]{32} [0-9a-f]{16}$/)
    made.add(traceId).add(spanId)
  }
  assert.equal(made.size, 2_000)
  const values = [0, 0, 0, 0.5]
  assert.equal(new TraceIds(() => values.shift() ?? 1 / 16).newSpanId(), '0000000080000000')
})
