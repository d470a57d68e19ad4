/**
 * Active health checks: asks the endpoints of a cluster now and then whether they serve. An endpoint counts as healthy until
 * so many checks in a row have failed, because whoever published it says that it is ready.
 *
 * What must stay true: one check per endpoint at a time, and none once the endpoint has left or the checker was stopped.
 */
import { Kept } from '../../base/holdings.ts'
import type { Holdings } from '../../base/holdings.ts'
import { hostPort } from '../../base/host-port.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { HealthCheck } from '../../routing/cluster-model.ts'

import { askEndpoint } from './health-questions.ts'
import type { CheckedAddress } from './health-questions.ts'

/** An endpoint as its cluster's checks see it. */
export interface CheckedHost {
  readonly isHealthy: boolean
}

export interface HealthCheckerDeps {
  readonly clock: Clock
  readonly random: Random
}

export class HealthChecker {
  /** Rises whenever an endpoint becomes healthy or unhealthy. */
  changes = 0
  readonly #hostDeps: HostDeps
  readonly #hosts = new Kept<Host>((host) => host.stop())
  /** Those of clusters that were prepared since the last swap. */
  readonly #unsettled = new Set<Host>()

  constructor(deps: HealthCheckerDeps) {
    this.#hostDeps = { ...deps, onChange: () => this.changes++ }
  }

  /** The endpoint of the cluster, new or known. It is checked until the holdings are released. */
  // oxlint-disable-next-line max-params -- whose, how, where, for whom
  use(cluster: string, check: HealthCheck, at: CheckedAddress, holdings: Holdings): CheckedHost {
    const key = JSON.stringify([cluster, at.address, at.port])
    const host = this.#hosts.hold(key, () => new Host(cluster, at, this.#hostDeps), holdings)
    host.check = check
    host.at = at
    this.#unsettled.add(host)
    return host
  }

  /** What was prepared is about to be served. */
  settle(): void {
    for (const host of this.#unsettled) host.start()
    this.#unsettled.clear()
  }

  stop(): void {
    for (const host of this.#hosts.values()) host.stop()
  }

  /** By cluster, `address:port`. */
  get unhealthy(): ReadonlyMap<string, readonly string[]> {
    const out = [...this.#hosts.values()].filter(({ isHealthy }) => !isHealthy)
    return new Map(
      [...Map.groupBy(out, ({ cluster }) => cluster)].map(([name, hosts]) => [name, hosts.map(({ title }) => title)]),
    )
  }
}

interface HostDeps extends HealthCheckerDeps {
  /** It became healthy or unhealthy. */
  readonly onChange: () => void
}

class Host implements CheckedHost {
  readonly cluster: string
  readonly title: string
  /** Of the newest snapshot. */
  check: HealthCheck | null = null
  /** Of the newest snapshot. */
  at: CheckedAddress
  isHealthy = true
  readonly #deps: HostDeps
  #isStarted = false
  #isStopped = false
  /** How many in a row spoke against what it counts as. */
  #against = 0
  #timer: Timer | null = null
  /** The interval for which the next check waits; null: it is under way. */
  #waitsMs: number | null = null
  #endCheck: () => void = () => {}

  constructor(cluster: string, at: CheckedAddress, deps: HostDeps) {
    this.cluster = cluster
    this.title = hostPort(at.address, at.port)
    this.at = at
    this.#deps = deps
  }

  /** The first check comes at any time within the interval, so that not all are made at once; so does the first of a new interval. */
  start(): void {
    const follows = this.#waitsMs === null || this.#waitsMs === this.check?.intervalMs
    if (this.#isStarted && follows) return
    this.#isStarted = true
    this.#timer?.cancel()
    this.#schedule(this.#deps.random())
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#endCheck()
  }

  #schedule(part: number): void {
    if (this.#isStopped || this.check === null) return
    this.#waitsMs = this.check.intervalMs
    this.#timer = this.#deps.clock.after(this.check.intervalMs * part, () => this.#run(), { unref: true })
  }

  #run(): void {
    if (this.check === null) return
    this.#waitsMs = null
    const { timeoutMs } = this.check
    let isOver = false
    const end = (isGood: boolean): void => {
      if (isOver) return
      isOver = true
      this.#timer?.cancel()
      abort()
      if (this.#isStopped) return
      this.#note(isGood)
      // Up to a tenth more or less, so that the checks of several proxies do not fall together.
      this.#schedule(0.9 + 0.2 * this.#deps.random())
    }
    const abort = askEndpoint(this.at, this.check, end)
    this.#endCheck = () => end(false)
    this.#timer = this.#deps.clock.after(timeoutMs, () => end(false), { unref: true })
  }

  #note(isGood: boolean): void {
    if (isGood === this.isHealthy || this.check === null) {
      this.#against = 0
      return
    }
    const { healthyThreshold, unhealthyThreshold } = this.check
    if (++this.#against < (isGood ? healthyThreshold : unhealthyThreshold)) return
    this.isHealthy = isGood
    this.#against = 0
    this.#deps.onChange()
  }
}
