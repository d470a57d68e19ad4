import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countText } from '../live/count-text.ts'
import { exactly, failuresOnlyFrom, nearShare, noFailures } from './checks.ts'

test('an exact split holds only when every count is the wanted one', () => {
  assert.deepEqual(exactly({ v1: 50, v2: 50 }, { v1: 50, v2: 50 }), {
    holds: true,
    text: 'of 100 requests 50 v1, 50 v2',
  })
  assert.deepEqual(exactly({ v1: 51, v2: 49 }, { v1: 50, v2: 50 }), {
    holds: false,
    text: 'of 100 requests 51 v1, 49 v2; expected 50 v1, 50 v2',
  })
  assert.equal(exactly({ v1: 99, '': 1 }, { v1: 100 }).holds, false)
  assert.equal(exactly({ v1: 99, '': 1 }, { v1: 100 }).text, 'of 100 requests 1 nobody, 99 v1; expected 100 v1')
})

test('a window of live traffic may be off by the requests at its edges, no more', () => {
  assert.equal(nearShare({ v2: 90, v3: 10 }, 'v3', 10).holds, true)
  assert.equal(nearShare({ v2: 87, v3: 13 }, 'v3', 10).holds, true)
  assert.equal(nearShare({ v2: 86, v3: 14 }, 'v3', 10).holds, false)
  assert.equal(nearShare({ v2: 100 }, 'v3', 0).holds, true)
  assert.equal(nearShare({}, 'v3', 50).holds, true)
  assert.match(nearShare({ v2: 50, v3: 50 }, 'v3', 10).text, /v3 got 50 of 100 requests at 10 %; expected about 10/)
})

test('failures are told with examples', () => {
  assert.deepEqual(noFailures(2_000, 0, []), { holds: true, text: 'no request failed, of 2,000' })
  assert.deepEqual(noFailures(20, 1, ['a plain request got 503']), {
    holds: false,
    text: '1 of 20 requests failed: a plain request got 503',
  })
})

test('failures of the bad version are expected, of any other they are not', () => {
  assert.equal(failuresOnlyFrom('v4', { v4: 12 }).holds, true)
  assert.equal(failuresOnlyFrom('v4', {}).holds, true)
  assert.deepEqual(failuresOnlyFrom('v4', { v4: 12, '': 1 }), {
    holds: false,
    text: 'requests failed that did not meet v4: 1 nobody',
  })
})

test('counts have separators', () => {
  assert.deepEqual([0, 999, 1_000, 1_234_567].map(countText), ['0', '999', '1,000', '1,234,567'])
})
