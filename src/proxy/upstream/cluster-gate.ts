/**
 * The limits of a cluster in one proxy: how many requests and connections it may have, and the queue of those that
 * wait for a connection. First come, first served: nobody overtakes a request that waits.
 *
 * What must stay true: `admit` is paired with `leave`, `connected` with `closed`; each event that frees a connection gives one
 * waiting request its turn.
 */
import { defined } from '../../base/assert.ts'
import type { ClusterLimits } from '../../routing/cluster-model.ts'

/** A request that waits for a connection. */
export interface Waiting {
  /** A connection may be had. False: it has no use for it any more, so the next one gets the turn. */
  onTurn(): boolean
}

/** What there is of each that is limited. */
export interface GateState {
  readonly requests: number
  readonly connections: number
  readonly pending: number
}

export class ClusterGate {
  /** Of the newest snapshot; what is above a lowered limit runs out by itself. */
  limits: ClusterLimits
  readonly #queue: Waiting[] = []
  #requests = 0
  #connections = 0

  constructor(limits: ClusterLimits) {
    this.limits = limits
  }

  get state(): GateState {
    return { requests: this.#requests, connections: this.#connections, pending: this.#queue.length }
  }

  get mayConnect(): boolean {
    return this.#connections < this.limits.connectionsMax
  }

  get hasWaiting(): boolean {
    return this.#queue.length > 0
  }

  /** False: there are too many requests. */
  admit(): boolean {
    if (this.#requests >= this.limits.requestsMax) return false
    this.#requests++
    return true
  }

  leave(request: Waiting): void {
    this.#requests--
    const at = this.#queue.indexOf(request)
    if (at !== -1) this.#queue.splice(at, 1)
  }

  /** False: too many wait already. A request whose turn it was does not lose its place. */
  wait(request: Waiting, wasFirst: boolean): boolean {
    if (wasFirst) {
      this.#queue.unshift(request)
      return true
    }
    if (this.#queue.length >= this.limits.pendingMax) return false
    this.#queue.push(request)
    return true
  }

  connected(): void {
    this.#connections++
  }

  closed(): void {
    this.#connections--
    this.freed()
  }

  /** A connection is idle. The turn comes later: whoever freed it is not done yet. */
  freed(): void {
    if (this.#queue.length > 0) queueMicrotask(() => this.#giveTurn())
  }

  #giveTurn(): void {
    while (this.#queue.length > 0) {
      if (defined(this.#queue.shift(), 'waiting request').onTurn()) return
    }
  }
}
