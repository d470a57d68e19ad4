/** Retries and faults in the words of the routing model. */
import { retryConditions, shareOfPercentage } from '../kinds/virtual-service.ts'
import type { Faults, Retries } from '../kinds/virtual-service.ts'
import type { Fault, RetryPolicy } from '../../../routing/policy-model.ts'
import { durationMs } from './duration.ts'

/** Envoy's. */
const BACKOFF_MS = 25
const BACKOFF_GROWTH_MAX = 10
const ATTEMPTS = 1
/** Where no destination has a limit of its own. */
const BUDGET = 0.2

/** `isLimited`: the circuit breakers of all destinations limit how many retries there may be at the same time. */
export function compileRetries(retries: Retries | undefined, isLimited: boolean): RetryPolicy | undefined {
  const { known } = retryConditions(retries?.retryOn)
  if (retries === undefined || known.length === 0) return undefined
  const { numRetries = ATTEMPTS, perTryTimeout, retryBackOff = {}, retriableStatusCodes = [] } = retries
  const initialMs = durationMs(retryBackOff.baseInterval, BACKOFF_MS)
  return {
    attempts: numRetries === 0 ? ATTEMPTS : numRetries,
    on: known,
    statuses: known.includes('retriable-status-codes') ? retriableStatusCodes : [],
    perTryTimeoutMs: durationMs(perTryTimeout, 0),
    backoff: { initialMs, maxMs: durationMs(retryBackOff.maxInterval, initialMs * BACKOFF_GROWTH_MAX) },
    budget: isLimited ? 1 : BUDGET,
  }
}

/** Those that no request would meet are left out. */
export function compileFaults({ abort, delay }: Faults = {}): Fault | undefined {
  const [abortShare, delayShare] = [abort, delay].map((fault) => shareOfPercentage(fault?.percentage))
  const compiled: Fault = {
    ...(delay === undefined || delayShare === undefined || delayShare === 0
      ? {}
      : { delay: { share: delayShare, delayMs: durationMs(delay.fixedDelay, 0) } }),
    ...(abort === undefined || abortShare === undefined || abortShare === 0
      ? {}
      : { abort: { share: abortShare, status: abort.httpStatus ?? 0 } }),
  }
  return Object.keys(compiled).length === 0 ? undefined : compiled
}
