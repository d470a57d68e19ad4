/**
 * The two sides of a request under way, whatever protocol each of them speaks. Between them a message has the form that it
 * has in HTTP/1.1: a side that speaks another protocol translates at its own edge.
 */
import type { Answer } from './answers.ts'
import type { Scheme } from './forwarded-heads.ts'
import type { RequestHead } from './http1/request-head.ts'
import type { BodyFraming, ResponseHead } from './http1/response-head.ts'
import type { HeadEdit } from './policy/head-edit.ts'
import type { ServingListener } from './serving-state.ts'

/** The client of one request after the other. */
export interface ClientSide {
  readonly clientAddress: string
  readonly scheme: Scheme
  readonly response: ClientResponse
  pauseInput(): void
  resumeInput(): void
  /** From now on all bytes go through. */
  enterTunnel(): void
  /** No more bytes will be written. */
  endOutput(): void
  /** The request is answered. `keep`: the client can take the next response. */
  onExchangeOver(keep: boolean): void
  /** The response cannot be completed: the client must notice. */
  abort(): void
  /** The exchange failed by an error of ours. */
  crash(error: unknown): void
}

/** The response to the request under way, as its client gets it. What returns false waits in a buffer. */
export interface ClientResponse {
  /** 0 until there is one. */
  readonly status: number
  /** Of the body. */
  readonly bytes: number
  /** Whether the client's connection can take another request after it. */
  keep: boolean
  /** What the route changes in every response. */
  edit: HeadEdit | null
  /** For the next request. */
  reset(head: RequestHead): void
  interim(head: ResponseHead): boolean
  /** To a CONNECT: what follows belongs to the tunnel. */
  connected(): void
  /** A 101. `cookies`: whole fields of our own; so with `begin`. */
  switch(head: ResponseHead, cookies: string): void
  begin(head: ResponseHead, framing: BodyFraming, body: Body, cookies: string): boolean
  part(body: Body): boolean
  /** Bytes of a tunnel. */
  tunnelled(chunk: Buffer): boolean
  /** The whole response, by ourselves. */
  answer(answer: Answer): void
}

export type UpstreamFailure = 'connect-failed' | 'connect-timeout' | 'upstream-closed' | 'upstream-protocol'

/** The way of one request to an endpoint. */
export interface UpstreamSide {
  /** Whether it was used before: then it may have been closed from the other side meanwhile. */
  readonly wasUsed: boolean
  /** Whether a part of a response has come that is not a whole head yet. */
  readonly hasPartialResponse: boolean
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

/** The request that goes this way, as the upstream side sees it. Buffers may be kept: nobody writes to them again. */
export interface Exchange {
  readonly requestMethod: string
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
}

export interface ExchangeDeps {
  readonly monotonicMs: () => number
  readonly newRequestId: () => string
  /** What new requests are served with: the newest snapshot. */
  readonly serving: () => ServingListener
  /** Whether connections are to be closed after their request. */
  readonly isDraining: () => boolean
}

export interface RequestBody {
  /** What came with the head. */
  readonly first: Buffer | null
  readonly done: boolean
}
