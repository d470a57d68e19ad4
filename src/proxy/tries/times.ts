/** The timeouts of one request after the other. They are looked at now and then, so that bytes cost no clock. */

/** A stream on which nothing moves for so long is given up, where the route says nothing (Envoy's default). */
export const STREAM_IDLE_TIMEOUT_MS = 300_000

export class ExchangeTimes {
  startedMs = 0
  /** Set whenever something moves. */
  moved = false
  #timeoutMs = 0
  #idleTimeoutMs = STREAM_IDLE_TIMEOUT_MS
  /** 0: none. */
  #deadlineMs = 0
  #tryDeadlineMs = 0
  #idleSinceMs = 0

  start(nowMs: number): void {
    this.startedMs = nowMs
    this.#timeoutMs = 0
    this.#idleTimeoutMs = STREAM_IDLE_TIMEOUT_MS
    this.#deadlineMs = 0
    this.#tryDeadlineMs = 0
    this.#idleSinceMs = 0
  }

  /** Of the route; 0: none. */
  limit(timeoutMs: number, idleMs: number): void {
    this.#timeoutMs = timeoutMs
    this.#idleTimeoutMs = idleMs > 0 ? idleMs : Infinity
  }

  /** The request is complete: its timeout begins. */
  onRequestDone(nowMs: number): void {
    if (this.#timeoutMs > 0) this.#deadlineMs = nowMs + this.#timeoutMs
  }

  startTry(nowMs: number, timeoutMs: number): void {
    if (timeoutMs > 0) this.#tryDeadlineMs = nowMs + timeoutMs
  }

  endTry(): void {
    this.#tryDeadlineMs = 0
  }

  /** What the request has exceeded. `isTunnel`: only silence counts. `isHeld`: by ourselves, so that silence does not. */
  exceeded(nowMs: number, { isTunnel, isHeld }: { readonly isTunnel: boolean; readonly isHeld: boolean }): Exceeded {
    if (this.moved || this.#idleSinceMs === 0 || isHeld) this.#idleSinceMs = nowMs
    this.moved = false
    if (!isTunnel && isPast(this.#deadlineMs, nowMs)) return 'request'
    if (nowMs >= this.#idleSinceMs + this.#idleTimeoutMs) return 'silence'
    return !isTunnel && isPast(this.#tryDeadlineMs, nowMs) ? 'try' : 'nothing'
  }
}

/** `silence`: nothing has moved for too long. */
export type Exceeded = 'request' | 'silence' | 'try' | 'nothing'

function isPast(deadlineMs: number, nowMs: number): boolean {
  return deadlineMs !== 0 && nowMs >= deadlineMs
}
