import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Holdings } from '../../base/holdings.ts'
import { silentLog } from '../../base/log.ts'
import { UpstreamPools } from './pools.ts'

test('an endpoint that comes back while its last request ends keeps its pool', () => {
  const pools = new UpstreamPools(() => {})
  const at = { address: '127.0.0.1', port: 1, tls: null, protocol: 'http1' } as const
  const [before, after] = [new Holdings(), new Holdings()]
  const pool = pools.use(at, silentLog, before)
  pool.enter()
  before.release()
  assert.deepEqual(pools.draining(), ['127.0.0.1:1'])
  // A snapshot that has it again is being prepared.
  assert.equal(pools.use(at, silentLog, after), pool)
  pool.leave()
  assert.equal(pools.use(at, silentLog, after), pool)
  assert.equal(pool.isRetired, true)
  pools.settle()
  assert.deepEqual([pool.isRetired, pools.states(0).length], [false, 1])
  after.release()
  assert.deepEqual(pools.states(0), [])
})
