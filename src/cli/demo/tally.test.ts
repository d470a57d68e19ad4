import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tally } from './tally.ts'
import type { Sample } from './tally.ts'

const SAMPLE: Sample = { act: 1, kind: 'plain', sentAtMs: 1_000, version: 'v1', status: 200, error: '' }

test('requests and failures count for the act in which they were sent', () => {
  const tally = new Tally()
  tally.add(SAMPLE)
  tally.add({ ...SAMPLE, act: 2, version: 'v2', status: 500 })
  tally.add({ ...SAMPLE, act: 2, version: '', status: 0, error: 'socket hang up' })
  assert.deepEqual([tally.requests, tally.failures], [3, 2])
  assert.deepEqual(tally.act(1), {
    requests: 1,
    failures: 0,
    byVersion: { v1: 1 },
    failuresByVersion: {},
    examples: [],
  })
  assert.deepEqual(tally.act(2).failuresByVersion, { v2: 1, '': 1 })
  assert.deepEqual(tally.act(2).examples, [
    'a plain request got 500 from v2',
    'a plain request got no answer (socket hang up)',
  ])
  assert.equal(tally.act(3).requests, 0)
})

test('the window counts what was sent since the mark, plain and canary apart', () => {
  const tally = new Tally()
  tally.add(SAMPLE)
  assert.deepEqual(tally.window('plain'), {})
  tally.mark(2_000)
  tally.add({ ...SAMPLE, sentAtMs: 1_999 })
  tally.add({ ...SAMPLE, sentAtMs: 2_000 })
  tally.add({ ...SAMPLE, sentAtMs: 2_001, kind: 'canary', version: 'v2' })
  assert.deepEqual(tally.window('plain'), { v1: 1 })
  assert.deepEqual(tally.window('canary'), { v2: 1 })
})

test('the window can be cut off before its end', () => {
  const tally = new Tally()
  tally.mark(1_000)
  for (const sentAtMs of [1_000, 1_500, 2_000]) tally.add({ ...SAMPLE, sentAtMs })
  assert.deepEqual(tally.windowUntil('plain', 1_500), { v1: 2 })
  assert.deepEqual(tally.windowUntil('canary', 1_500), {})
})

test('the rate is that of the last two seconds', () => {
  const tally = new Tally()
  for (let index = 0; index < 400; index++) tally.add({ ...SAMPLE, sentAtMs: index * 10 })
  assert.equal(tally.perSecond(3_990), 100)
  assert.equal(tally.perSecond(10_000), 0)
})
