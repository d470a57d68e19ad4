/** The request whose tries are made, as they see it. */
import type { DestinationTraffic } from '../../telemetry/recorder.ts'
import type { ServingEndpoint } from '../cluster/serving-cluster.ts'
import type { BodyFraming, ResponseHead } from '../http1/response-head.ts'
import type { Failure } from '../policy/answers.ts'
import type { Body, UpstreamFailure } from '../upstream/side.ts'

/** Who has sent the request, and gets what comes of it. */
export interface TriesOwner {
  /** As `Exchange.keepsLent`. */
  readonly keepsLent: boolean
  /** The request is on its way to this endpoint, and counted there. */
  onTry(endpoint: ServingEndpoint, traffic: DestinationTraffic): void
  /** There is no connection for the try; `why` may be empty. */
  onConnectFailed(why: string): void
  /** The client may send no more of the body for now; pairs with `releaseInput`. */
  holdInput(): void
  releaseInput(): void
  onInterim(head: ResponseHead): void
  onResponse(head: ResponseHead, framing: BodyFraming, body: Body, done: boolean): void
  onBody(body: Body, done: boolean): void
  /** A connection for a CONNECT is there. */
  onTunnelOpen(): void
  onTunnelled(chunk: Buffer): void
  onTunnelEnd(): void
  /** There will be no response. */
  onFailed(failure: Failure): void
  /** What was begun, a response or a tunnel, ends unfinished. */
  onBroken(failure: UpstreamFailure): void
  onCrash(error: unknown): void
}
