/**
 * Which endpoints of a cluster fail and are left out for a while (Envoy's outlier detection). A state machine without a clock:
 * whoever reports or sweeps says what time it is.
 *
 * What must stay true: never more endpoints are ejected than their share allows (one always may be), and never all.
 */
import type { OutlierDetection } from '../../routing/cluster-model.ts'

/** An endpoint as its cluster sees it. */
export interface OutlierHost {
  readonly isEjected: boolean
  /** A response came. */
  onStatus(status: number, nowMs: number): void
  /** No response came, or no connection. */
  onFailure(nowMs: number): void
}

export class OutlierDetector {
  /** Of the newest snapshot. */
  settings: OutlierDetection
  /** Rises whenever an endpoint is ejected or taken back. */
  changes = 0
  /** How many are out; -1: it is to be counted. When all of many fail, each failure asks. */
  #outCount = 0
  #hosts = new Map<string, Host>()
  #used = new Map<string, Host>()
  #sweepAtMs = 0

  constructor(settings: OutlierDetection) {
    this.settings = settings
  }

  /** The host of that address, new or known. It stays known until a `settle` before which nobody asked for it. */
  use(address: string): OutlierHost {
    const host = this.#used.get(address) ?? this.#hosts.get(address) ?? new Host(this)
    this.#used.set(address, host)
    return host
  }

  settle(): void {
    this.#hosts = this.#used
    this.#used = new Map()
    this.#outCount = -1
  }

  noteChange(): void {
    this.changes++
    this.#outCount = -1
  }

  get ejected(): readonly string[] {
    return [...this.#hosts].flatMap(([address, { isEjected }]) => (isEjected ? [address] : []))
  }

  /** Whether one more may be ejected. */
  get hasRoom(): boolean {
    const count = this.#hosts.size
    if (this.#outCount === -1) this.#outCount = this.ejected.length
    const after = this.#outCount + 1
    return after < count && after <= Math.max(1, Math.floor(count * this.settings.ejectedShareMax))
  }

  /** Once in an interval: takes back those whose time is over. */
  sweep(nowMs: number): void {
    if (nowMs < this.#sweepAtMs) return
    this.#sweepAtMs = nowMs + this.settings.intervalMs
    for (const host of this.#hosts.values()) host.onInterval(nowMs)
  }
}

class Host implements OutlierHost {
  readonly #detector: OutlierDetector
  isEjected = false
  #errors = 0
  #gatewayErrors = 0
  /** Rises with each ejection, falls with each interval without one: the time grows with it. */
  #ejections = 0
  #untilMs = 0

  constructor(detector: OutlierDetector) {
    this.#detector = detector
  }

  onStatus(status: number, nowMs: number): void {
    this.#errors = status >= 500 ? this.#errors + 1 : 0
    this.#gatewayErrors = status >= 502 && status <= 504 ? this.#gatewayErrors + 1 : 0
    if (status >= 500) this.#judge(nowMs)
  }

  onFailure(nowMs: number): void {
    this.#errors++
    this.#gatewayErrors++
    this.#judge(nowMs)
  }

  onInterval(nowMs: number): void {
    if (!this.isEjected) {
      if (this.#ejections > 0) this.#ejections--
    } else if (nowMs >= this.#untilMs) {
      this.isEjected = false
      this.#detector.noteChange()
      this.#errors = 0
      this.#gatewayErrors = 0
    }
  }

  #judge(nowMs: number): void {
    const { consecutive5xx, consecutiveGatewayErrors, baseEjectionMs, maxEjectionMs } = this.#detector.settings
    const isOut =
      (consecutive5xx > 0 && this.#errors >= consecutive5xx) ||
      (consecutiveGatewayErrors > 0 && this.#gatewayErrors >= consecutiveGatewayErrors)
    if (!isOut || this.isEjected || !this.#detector.hasRoom) return
    this.isEjected = true
    this.#detector.noteChange()
    this.#ejections++
    this.#untilMs = nowMs + Math.min(maxEjectionMs, baseEjectionMs * this.#ejections)
  }
}
