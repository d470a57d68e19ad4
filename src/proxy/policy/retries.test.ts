import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { seededRandom } from '../../base/random.ts'
import type { RetryCondition } from '../../routing/policy-model.ts'
import type { Failure } from './answers.ts'
import { ResponseHead } from '../http1/response-head.ts'

import { ServingRetry } from './retries.ts'

function retryOn(...on: RetryCondition[]): ServingRetry {
  const backoff = { initialMs: 0, maxMs: 0 }
  return new ServingRetry(
    { attempts: 1, on, statuses: [], perTryTimeoutMs: 0, backoff, budget: 1 },
    { clock: new FakeClock(), random: seededRandom(1), underWay: new Map() },
  )
}

function responseWith(status: number, grpcStatus?: number): ResponseHead {
  const head = new ResponseHead()
  const field = grpcStatus === undefined ? '' : `grpc-status: ${grpcStatus}\r\n`
  assert.equal(head.parse(`HTTP/1.1 ${status} OK\r\n${field}\r\n`, 0), 'complete')
  return head
}

test('a refused stream is tried again by its own condition, and by those for requests without a response', () => {
  for (const on of ['refused-stream', 'reset', '5xx', 'gateway-error'] as const) {
    assert.equal(retryOn(on).wantsFailure('refused-stream'), true, on)
  }
  for (const on of ['connect-failure', 'retriable-4xx', 'retriable-status-codes'] as const) {
    assert.equal(retryOn(on).wantsFailure('refused-stream'), false, on)
  }
})

test('the condition for refused streams holds of nothing else', () => {
  const others: readonly Failure[] = ['upstream-closed', 'upstream-protocol', 'upstream-timeout', 'connect-failed']
  for (const failure of others) assert.equal(retryOn('refused-stream').wantsFailure(failure), false, failure)
  assert.equal(retryOn('refused-stream').wantsResponse(responseWith(503)), false)
})

test('each condition of gRPC holds of its own status, and of nothing else', () => {
  const statuses = {
    cancelled: 1,
    'deadline-exceeded': 4,
    'resource-exhausted': 8,
    internal: 13,
    unavailable: 14,
  } as const
  for (const [condition, status] of Object.entries(statuses)) {
    const wanted = Array.from({ length: 17 }, (_, grpcStatus) => grpcStatus).filter((grpcStatus) =>
      retryOn(condition as RetryCondition).wantsResponse(responseWith(200, grpcStatus)),
    )
    assert.deepEqual(wanted, [status], condition)
    assert.equal(retryOn(condition as RetryCondition).wantsResponse(responseWith(503)), false, condition)
  }
})
