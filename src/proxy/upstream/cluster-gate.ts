/**
 * The limits of a cluster in one proxy: how many requests and connections it may have, and the queue of those that
 * wait for a connection. First come, first served: nobody overtakes a request that waits.
 *
 * What must stay true: `admit` is paired with `leave`, `connected` with `closed`; nobody waits while a connection may be had. One
 * that is freed may serve several (streams), or be left to the next (the first takes another cluster's), so turns are given
 * until the first of the queue finds nothing.
 */
import type { ClusterLimits } from '../../routing/cluster-model.ts'

/** A request that waits for a connection. */
export interface Waiting {
  /** A connection may be had: takes it, leaves, or waits again. */
  onTurn(): void
}

/** What there is of each that is limited. */
export interface GateState {
  readonly requests: number
  readonly connections: number
  readonly pending: number
}

export class ClusterGate {
  #limits: ClusterLimits
  readonly #queue: Waiting[] = []
  #requests = 0
  #connections = 0
  #isTurnDue = false

  constructor(limits: ClusterLimits) {
    this.#limits = limits
  }

  get limits(): ClusterLimits {
    return this.#limits
  }

  /** Of the newest snapshot; what is above a lowered limit runs out by itself. */
  set limits(limits: ClusterLimits) {
    this.#limits = limits
    this.freed()
  }

  get state(): GateState {
    return { requests: this.#requests, connections: this.#connections, pending: this.#queue.length }
  }

  get mayConnect(): boolean {
    return this.#connections < this.#limits.connectionsMax
  }

  get hasWaiting(): boolean {
    return this.#queue.length > 0
  }

  /** False: there are too many requests. */
  admit(): boolean {
    if (this.#requests >= this.#limits.requestsMax) return false
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
    if (this.#queue.length >= this.#limits.pendingMax) return false
    this.#queue.push(request)
    if (this.mayConnect) this.freed()
    return true
  }

  connected(): void {
    this.#connections++
  }

  closed(): void {
    this.#connections--
    this.freed()
  }

  /** The cluster has no limits any more: nobody waits. */
  open(): void {
    const connectionsMax = Number.POSITIVE_INFINITY
    this.limits = { ...this.#limits, connectionsMax }
  }

  /** A connection may be had. The turn comes later: whoever freed it is not done yet. */
  freed(): void {
    if (this.#isTurnDue || this.#queue.length === 0) return
    this.#isTurnDue = true
    queueMicrotask(() => this.#giveTurns())
  }

  #giveTurns(): void {
    this.#isTurnDue = false
    for (let first = this.#queue.shift(); first !== undefined; first = this.#queue.shift()) {
      first.onTurn()
      if (this.#queue[0] === first) return
    }
  }
}
