import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Steps } from '../../base/steps.ts'
import { inTurns } from './in-turns.ts'

test('long work leaves turns to others on its way; short work is over in one', async () => {
  let nowMs = 0
  function* work(steps: number): Steps<string> {
    for (let step = 0; step < steps; step++) {
      nowMs++
      yield
    }
    return 'done'
  }
  let turns = 0
  let isOver = false
  const count = (): void => {
    if (isOver) return
    turns++
    setImmediate(count)
  }
  setImmediate(count)
  assert.equal(await inTurns(work(4), () => nowMs), 'done')
  assert.equal(turns, 0)
  assert.equal(await inTurns(work(20), () => nowMs), 'done')
  isOver = true
  assert.ok(turns >= 3, `${turns} turns`)
})
