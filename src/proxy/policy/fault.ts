/** Faults on purpose: a share of the requests waits, a share fails. The shares are as exact as those of a split. */
import type { Clock, Timer } from '../../base/clock.ts'
import type { Fault } from '../../routing/policy-model.ts'
import type { Split } from '../../routing/split.ts'

/** Splits of two: the first is chosen for `share` of the requests. */
export type ShareOf = (name: string, share: number) => Split

/** Shares are told apart as far as this. */
const SHARE_STEPS = 1_000_000

export function shareWeights(share: number): readonly [yes: number, no: number] {
  const yes = Math.round(share * SHARE_STEPS)
  return [yes, SHARE_STEPS - yes]
}

export class ServingFault {
  readonly #fault: Fault
  readonly #clock: Clock
  readonly #delays: Split | null
  /** The requests that were delayed have a sequence of their own: else equal shares would always meet the same ones. */
  readonly #aborts: { readonly delayed: Split; readonly others: Split } | null

  constructor(fault: Fault, shareOf: ShareOf, clock: Clock) {
    this.#fault = fault
    this.#clock = clock
    this.#delays = fault.delay === undefined ? null : shareOf('delay', fault.delay.share)
    const share = fault.abort?.share
    this.#aborts =
      share === undefined ? null : { delayed: shareOf('abort delayed', share), others: shareOf('abort others', share) }
  }

  /** Whether the next request waits. Counts it: ask once. */
  delays(): boolean {
    return this.#delays?.next() === 0
  }

  /** Pass it on after the delay. */
  wait(callback: () => void): Timer {
    return this.#clock.after(this.#fault.delay?.delayMs ?? 0, callback)
  }

  /** How the request fails; null: it does not. Counts it: ask once. */
  abort(wasDelayed: boolean): NonNullable<Fault['abort']> | null {
    const split = wasDelayed ? this.#aborts?.delayed : this.#aborts?.others
    return split?.next() === 0 ? (this.#fault.abort ?? null) : null
  }
}
