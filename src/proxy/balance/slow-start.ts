/**
 * Which endpoints of a cluster are new, or usable again, and how much of their weight they get meanwhile. A state machine
 * without a clock: whoever sweeps says what time it is.
 */
import type { SlowStart } from '../../routing/cluster-model.ts'

import { isUsable } from '../health/host-health.ts'
import type { HostHealth } from '../health/host-health.ts'

/** How often the weights follow the time. */
export const SLOW_START_STEP_MS = 100

/** An endpoint as its cluster's slow start sees it. */
export interface WarmingHost {
  /** How much of its weight it gets: 0 to 1. */
  readonly factor: number
}

export class ClusterSlowStart {
  /** Of the newest snapshot. */
  settings: SlowStart
  /** Rises when a factor changes. */
  version = 0
  /** Whether a factor is below 1. */
  isWarming = false
  /** Endpoints that are named now were there before it was looked: they get everything at once. */
  #knowsAll: boolean
  #hosts = new Map<string, Host>()
  #used = new Map<string, Host>()
  #sweepAtMs = 0

  constructor(settings: SlowStart, startsWarm: boolean) {
    this.settings = settings
    this.#knowsAll = startsWarm
  }

  /** The host of that address, new or known. It stays known until a `settle` before which nobody asked for it. */
  use(address: string, health: HostHealth): WarmingHost {
    const known = this.#used.get(address) ?? this.#hosts.get(address)
    const host = known ?? new Host(this.#knowsAll ? 1 : this.settings.minWeightShare)
    host.health = health
    this.#used.set(address, host)
    return host
  }

  settle(): void {
    this.#hosts = this.#used
    this.#used = new Map()
    this.#knowsAll = false
    this.#noteChange()
  }

  /** By address, those that get less than their weight. */
  factors(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#hosts].flatMap(([name, { factor }]) => (factor < 1 ? [[name, factor]] : [])))
  }

  sweep(nowMs: number): void {
    if (nowMs < this.#sweepAtMs) return
    this.#sweepAtMs = nowMs + SLOW_START_STEP_MS
    let isChanged = false
    for (const host of this.#hosts.values()) isChanged = host.look(nowMs, this.settings) || isChanged
    if (isChanged) this.#noteChange()
  }

  #noteChange(): void {
    this.version++
    this.isWarming = this.#hosts.values().some(({ factor }) => factor < 1)
  }
}

class Host implements WarmingHost {
  health: HostHealth = { outlier: null, checked: null }
  factor: number
  /** Its time begins at the first look at which it can be used. */
  #sinceMs: number

  constructor(factor: number) {
    this.factor = factor
    this.#sinceMs = factor === 1 ? -Infinity : Infinity
  }

  /** True: its factor has changed. */
  look(nowMs: number, settings: SlowStart): boolean {
    const before = this.factor
    if (!isUsable(this.health)) this.#sinceMs = Infinity
    else if (this.#sinceMs > nowMs) this.#sinceMs = nowMs
    this.factor = factorAfter(nowMs - this.#sinceMs, settings)
    return this.factor !== before
  }
}

/** `elapsedMs` below 0: its time has not begun. */
export function factorAfter(elapsedMs: number, { windowMs, aggression, minWeightShare }: SlowStart): number {
  if (elapsedMs >= windowMs) return 1
  return Math.max(minWeightShare, Math.max(0, elapsedMs / windowMs) ** (1 / aggression))
}
