/** Asks a container again and again, and counts its answers against the thresholds of a probe. */
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { runHandler } from './handler.ts'
import type { ProbeTarget } from './handler.ts'
import type { Probe } from './types.ts'

export interface ProbeLoopOptions {
  readonly probe: Probe
  readonly target: ProbeTarget
  readonly clock: Clock
  readonly signal: AbortSignal
  /**
   * Ask more often than the period until the first success: a local process is up within milliseconds, and a period
   * is ten seconds. Failures of these extra checks do not count.
   */
  readonly isEager: boolean
  /** The threshold of successes was reached (again). */
  readonly onHealthy: () => void
  /** The threshold of failures was reached (again). */
  readonly onUnhealthy: (message: string) => void
  /** Any counted failure. */
  readonly onFailure: (message: string) => void
}

const EAGER_FIRST_MS = 20
const EAGER_MAX_MS = 500
const SECOND_MS = 1000

/** Runs until the signal aborts. Never rejects. */
export async function probeLoop(options: ProbeLoopOptions): Promise<void> {
  const { probe, clock, signal } = options
  try {
    await sleep(clock, (probe.initialDelaySeconds ?? 0) * SECOND_MS, signal)
    await new ProbeCounter(options).run()
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

class ProbeCounter {
  readonly #options: ProbeLoopOptions
  readonly #periodMs: number
  #successes = 0
  #failures = 0
  #isEager: boolean

  constructor(options: ProbeLoopOptions) {
    this.#options = options
    this.#periodMs = Math.max(1, options.probe.periodSeconds ?? 10) * SECOND_MS
    this.#isEager = options.isEager
  }

  async run(): Promise<void> {
    const { probe, target, clock, signal } = this.#options
    const timeoutMs = Math.max(1, probe.timeoutSeconds ?? 1) * SECOND_MS
    let countedAtMs = clock.now()
    for (let eagerMs = EAGER_FIRST_MS; ; eagerMs = Math.min(EAGER_MAX_MS, eagerMs * 2)) {
      const result = await runHandler(probe, target, timeoutMs)
      if (signal.aborted) return
      const isCounted = clock.now() >= countedAtMs
      if (isCounted) countedAtMs += this.#periodMs
      if (result.ok) this.#succeeded()
      else if (isCounted) this.#failed(result.message)
      const restMs = Math.max(0, countedAtMs - clock.now())
      await sleep(clock, this.#isEager ? Math.min(eagerMs, restMs) : restMs, signal)
    }
  }

  #succeeded(): void {
    this.#isEager = false
    this.#failures = 0
    this.#successes += 1
    if (this.#successes >= (this.#options.probe.successThreshold ?? 1)) this.#options.onHealthy()
  }

  #failed(message: string): void {
    this.#successes = 0
    this.#failures += 1
    this.#options.onFailure(message)
    if (this.#failures < (this.#options.probe.failureThreshold ?? 3)) return
    this.#failures = 0
    this.#options.onUnhealthy(message)
  }
}
