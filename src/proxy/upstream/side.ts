/** The endpoint's side of a request under way, whatever protocol it speaks; see `exchange/sides.ts`. */
import type { BodyFraming, ResponseHead } from '../http1/response-head.ts'

export type UpstreamFailure =
  | 'connect-failed'
  | 'connect-timeout'
  | 'upstream-closed'
  | 'upstream-protocol'
  /** The endpoint gave this request up, not the connection. */
  | 'upstream-reset'
  /** The endpoint has not looked at the request, and says so, or nothing of it was sent. */
  | 'refused-stream'

/** The way of one request to an endpoint. */
export interface UpstreamSide {
  /** Nothing may be sent before `onConnected`, which is told only to those that were connecting when they got the request. */
  readonly isConnecting: boolean
  /** Whether it was used before: then it may have been closed from the other side meanwhile. */
  readonly wasUsed: boolean
  /** Whether a part of a response has come that is not a whole head yet. */
  readonly hasPartialResponse: boolean
  /** Why a connection could not be made, in the system's words or TLS's; empty or absent: it could. */
  readonly connectProblem?: string
  /** Our own end; empty or absent: not known. */
  readonly localAddress?: string
  /** It belongs to this request until its response is complete or one of them gives up. */
  attach(request: Exchange): void
  /** Text is latin1. False: wait for `onSendable` before sending more. */
  send(text: string, body: Buffer | null): boolean
  pause(): void
  resume(): void
  /** Without a request: from now on all bytes go through. */
  openTunnel(): void
  endTunnel(): void
  /** After the response, when the request was sent completely. */
  release(nowMs: number): void
  /** Closes without telling the request. */
  destroy(): void
}

/** The request that goes this way, as the upstream side sees it. Buffers may be kept: nobody writes to them again, but see `Body`. */
export interface Exchange {
  readonly requestMethod: string
  /** Whether anything of a lent buffer is still to be written to somebody. Asked when all of it was passed on. */
  readonly keepsLent: boolean
  /** The request can be sent. */
  onConnected(): void
  /** 100 to 199, without 101; the final response is still to come. */
  onInterim(head: ResponseHead): void
  /** The head, with the part of the body that came with it. `done`: that is the whole response. */
  onResponse(head: ResponseHead, framing: BodyFraming, body: Body, done: boolean): void
  onBody(body: Body, done: boolean): void
  /** Raw bytes after a 101, or of a CONNECT. */
  onTunnelled(chunk: Buffer): void
  onTunnelEnd(): void
  /** More of the request's body can be taken. */
  onSendable(): void
  /** The way is gone; the request no longer has it. */
  onFailure(failure: UpstreamFailure): void
  /** As `onFailure`, by an error of ours. */
  onCrash(error: unknown): void
}

/** A range of a buffer. The same object is used again for the next one. */
export interface Body {
  buffer: Buffer
  from: number
  to: number
  /** The buffer is written to again as soon as the exchange no longer `keepsLent`. So it is with bytes of tunnels. */
  isLent: boolean
}
