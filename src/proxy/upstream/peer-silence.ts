/** Whether an endpoint is still there although nothing comes from it: asked by PING, seldom enough for strict endpoints. */

/** Nothing came for so long while there are requests under way. */
const PING_AFTER_SILENCE_MS = 30_000
/** From a ping to the end of the session. */
const PING_TIMEOUT_MS = 10_000
/** gRPC servers close sessions that are pinged more often while they send nothing. */
const SILENT_PING_INTERVAL_MS = 300_000

export class PeerSilence {
  #lastReceivedMs: number
  #lastPingMs = -Infinity
  #isAsked = false
  #hasReceived = false
  /** Whether nothing but answers to pings came since the last one. */
  #isSilent = false

  constructor(nowMs: number) {
    this.#lastReceivedMs = nowMs
  }

  onReceived(): void {
    this.#hasReceived = true
  }

  onPong(): void {
    this.#isAsked = false
  }

  /** To be called often. `isInUse`: there are requests under way. */
  check(nowMs: number, isInUse: boolean): 'fine' | 'ping' | 'dead' {
    if (this.#hasReceived || !isInUse) {
      if (this.#hasReceived) this.#isAsked = this.#isSilent = false
      this.#hasReceived = false
      this.#lastReceivedMs = nowMs
    }
    if (this.#isAsked) return nowMs - this.#lastPingMs >= PING_TIMEOUT_MS ? 'dead' : 'fine'
    if (nowMs - this.#lastReceivedMs < PING_AFTER_SILENCE_MS) return 'fine'
    if (this.#isSilent && nowMs - this.#lastPingMs < SILENT_PING_INTERVAL_MS) return 'fine'
    this.#lastPingMs = nowMs
    this.#isAsked = this.#isSilent = true
    return 'ping'
  }
}
