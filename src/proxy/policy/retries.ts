/** When a request is tried again by the policy of its route, and how many at a time may be. */
import type { Clock, Timer } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { ClusterLimits } from '../../routing/cluster-model.ts'
import type { GrpcRetryCondition, RetryCondition, RetryPolicy } from '../../routing/policy-model.ts'
import type { Failure } from './answers.ts'
import type { ResponseHead } from '../http1/response-head.ts'

/** So many retries are always allowed, however few requests are under way (Envoy's minimum). */
const RETRIES_UNDER_WAY_MIN = 3

const CONNECT_FAILURES: ReadonlySet<Failure> = new Set(['connect-failed', 'connect-timeout'])
/** No response came. Not among them: what would be the same the next time, and what limits load. */
const RESETS: ReadonlySet<Failure> = new Set([
  'upstream-closed',
  'upstream-protocol',
  'upstream-timeout',
  'upstream-reset',
  'refused-stream',
])

const GRPC_STATUSES: Readonly<Record<GrpcRetryCondition, string>> = {
  cancelled: '1',
  'deadline-exceeded': '4',
  'resource-exhausted': '8',
  internal: '13',
  unavailable: '14',
}

export interface RetryDeps {
  readonly clock: Clock
  readonly random: Random
  /** By cluster; only those that have some. */
  readonly underWay: Map<string, RetriesUnderWay>
}

export interface RetriesUnderWay {
  readonly all: number
  /** Those that are not with an endpoint, but wait for it to be time. */
  readonly waiting: number
}

const NONE: RetriesUnderWay = { all: 0, waiting: 0 }

/** A cluster as far as the budget looks at it. */
export interface BudgetedCluster {
  readonly name: string
  readonly endpoints: readonly { readonly pool: { readonly active: number } }[]
  readonly gate: { readonly limits: ClusterLimits } | null
}

/** The retry policy of a route. */
export class ServingRetry {
  readonly policy: RetryPolicy
  readonly deps: RetryDeps
  readonly #on: ReadonlySet<RetryCondition>
  readonly #statuses: ReadonlySet<number>
  /** Null: statuses of gRPC do not matter. */
  readonly #grpcStatuses: ReadonlySet<string> | null

  constructor(policy: RetryPolicy, deps: RetryDeps) {
    this.policy = policy
    this.deps = deps
    this.#on = new Set(policy.on)
    this.#statuses = new Set(this.#on.has('retriable-status-codes') ? policy.statuses : [])
    const grpc = Object.entries(GRPC_STATUSES).flatMap(([name, status]) =>
      policy.on.some((on) => on === name) ? [status] : [],
    )
    this.#grpcStatuses = grpc.length === 0 ? null : new Set(grpc)
  }

  wantsResponse({ status, fields }: Pick<ResponseHead, 'status' | 'fields'>): boolean {
    return this.#wantsStatus(status) || this.#grpcStatuses?.has(fields.get('grpc-status') ?? '') === true
  }

  #wantsStatus(status: number): boolean {
    if (this.#statuses.has(status)) return true
    if (status === 409) return this.#on.has('retriable-4xx')
    if (status < 500) return false
    return this.#on.has('5xx') || (status >= 502 && status <= 504 && this.#on.has('gateway-error'))
  }

  wantsFailure(failure: Failure): boolean {
    const isConnect = CONNECT_FAILURES.has(failure)
    if (!isConnect && !RESETS.has(failure)) return false
    if (isConnect && this.#on.has('connect-failure')) return true
    if (failure === 'refused-stream' && this.#on.has('refused-stream')) return true
    return this.#on.has('reset') || this.#on.has('5xx') || this.#on.has('gateway-error')
  }
}

/** The retries of one request. */
export class RequestRetries {
  readonly route: ServingRetry
  #done = 0
  /** Name of the cluster whose budget the retry under way is taken from. */
  #budgeted: string | null = null
  #isWaiting = false

  constructor(route: ServingRetry) {
    this.route = route
  }

  /**
   * Why there is no further try: there were enough, or too many are under way. Empty: there is one, paired with `end`. `isWithEndpoint`:
   * the request still counts there.
   */
  begin(cluster: BudgetedCluster, isWithEndpoint: boolean): 'URX' | 'UO' | '' {
    const { policy, deps } = this.route
    if (this.#done >= policy.attempts) return 'URX'
    const { all, waiting } = deps.underWay.get(cluster.name) ?? NONE
    if (cluster.gate !== null && all >= cluster.gate.limits.retriesMax) return 'UO'
    const active = cluster.endpoints.reduce((sum, { pool }) => sum + pool.active, 0)
    const requests = active + waiting + (isWithEndpoint ? 0 : 1)
    if (all >= Math.max(RETRIES_UNDER_WAY_MIN, Math.floor(requests * policy.budget))) return 'UO'
    this.#budgeted = cluster.name
    this.#count(1, 0)
    this.#done++
    return ''
  }

  /** Full jitter: any time up to the step, which doubles. */
  wait(callback: () => void): Timer {
    const { policy, deps } = this.route
    const { initialMs, maxMs } = policy.backoff
    const stepMs = Math.min(maxMs, initialMs * 2 ** (this.#done - 1))
    this.#isWaiting = true
    this.#count(0, 1)
    return deps.clock.after(Math.floor(deps.random() * stepMs), () => {
      this.#stopWaiting()
      callback()
    })
  }

  /** The retry under way, if there is one, is over. */
  end(): void {
    this.#stopWaiting()
    if (this.#budgeted === null) return
    this.#count(-1, 0)
    this.#budgeted = null
  }

  #stopWaiting(): void {
    if (!this.#isWaiting) return
    this.#isWaiting = false
    this.#count(0, -1)
  }

  #count(retries: number, waits: number): void {
    const name = this.#budgeted
    if (name === null) return
    const { underWay } = this.route.deps
    const before = underWay.get(name) ?? NONE
    const all = before.all + retries
    if (all === 0) underWay.delete(name)
    else underWay.set(name, { all, waiting: before.waiting + waits })
  }
}
