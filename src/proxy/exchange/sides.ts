/**
 * The client's side of a request under way, whatever protocol it speaks, and what the request goes by. Between the two sides a
 * message has the form that it has in HTTP/1.1: a side that speaks another protocol translates at its own edge.
 */
import type { Answer } from '../policy/answers.ts'
import type { Scheme } from '../serving/forwarded-heads.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { BodyFraming, ResponseHead } from '../http1/response-head.ts'
import type { PassedBytes } from './passed-bytes.ts'
import type { DateLine } from '../policy/date-line.ts'
import type { HeadEdit } from '../policy/head-edit.ts'
import type { ServingListener } from '../serving/serving-state.ts'
import type { ClientPeer } from '../telling/access-entry.ts'
import type { Body } from '../upstream/side.ts'

/** The client of one request after the other. */
export interface ClientSide {
  readonly clientAddress: string
  readonly scheme: Scheme
  /** Of the request under way: `HTTP/1.1`. */
  readonly protocol: string
  /** For logs: asked for only where one is written. */
  peer(): ClientPeer
  readonly response: ClientResponse
  /** Whether something that was written may not have been sent yet. */
  readonly holdsOutput: boolean
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
  /** With which status a call of gRPC has ended; below 0: none came. Undefined: the request is no such call. */
  readonly grpcStatus: number | undefined
  /** Of the trailers that came, those of this lower-case name; empty: none. */
  trailer(name: string): string
  /** Whether the client's connection can take another request after it. */
  keep: boolean
  /** What the route changes in every response. */
  edit: HeadEdit | null
  /** For the next request. */
  reset(head: RequestHead): void
  interim(head: ResponseHead): boolean
  /** To a CONNECT: what follows belongs to the tunnel. `date` here and below: the whole `date` field of now. */
  connected(date: string): void
  /** A 101. `added`: whole fields of our own; so with `begin`. */
  switch(head: ResponseHead, added: string): void
  begin(head: ResponseHead, framing: BodyFraming, body: Body, added: string): boolean
  part(body: Body): boolean
  /** Bytes of a tunnel. */
  tunnelled(chunk: Buffer): boolean
  /** The whole response, by ourselves. */
  answer(answer: Answer, date: string): void
  /** Of a call of gRPC whose response has begun: it ends with a failure of ours, once the exchange is over. False: it cannot. */
  failCall(answer: Answer): boolean
}

export interface ExchangeDeps {
  readonly monotonicMs: () => number
  readonly date: DateLine
  readonly passed: PassedBytes
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
