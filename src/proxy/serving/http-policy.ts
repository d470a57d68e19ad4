/** How a listener treats its clients: what of their words is believed, and how much they may send. */
import { DEBUG_HEADER, believedScheme } from '../../routing/edge-headers.ts'
import type { HttpPolicy } from '../../routing/listener-model.ts'

import { DebugToken } from './debug-token.ts'
import { HEADER_FIELDS_MAX, HEAD_BYTES_MAX } from '../http1/section-limits.ts'
import type { SectionLimits } from '../http1/section-limits.ts'
import type { Scheme } from './forwarded-heads.ts'
import type { RequestHead } from '../http1/request-head.ts'

/** From the first byte of a head to its last. */
const HEAD_TIMEOUT_MS = 30_000
/** Between two parts of a body. */
const REQUEST_BODY_IDLE_TIMEOUT_MS = 60_000
/** Between two requests. Long, as Envoy's: to close a kept connection is to risk the request that is just being sent. */
const CLIENT_IDLE_TIMEOUT_MS = 3_600_000
/** Clients of one listener beyond are turned away at once. */
export const CLIENT_CONNECTIONS_MAX = 20_000
/** Requests under way at once on one HTTP/2 connection. */
const STREAMS_MAX = 100

export interface ServingHttp {
  readonly isEdge: boolean
  /** Of `x-forwarded-for`, so many of the last entries are believed: all of them inside. */
  readonly trustedHops: number
  /** Of a request's head, and of the trailers behind its body. */
  readonly sections: SectionLimits
  readonly bodyBytesMax: number
  readonly connectionsMax: number
  readonly headTimeoutMs: number
  readonly bodyIdleTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  /** Of one HTTP/2 connection. */
  readonly streamsMax: number
  /** Whoever has it is told how its request was routed; null: nobody is. */
  readonly debugToken: DebugToken | null
}

export function prepareHttp({
  edge = true,
  trustedHops = 0,
  limits = {},
  debugTokenHash,
}: HttpPolicy = {}): ServingHttp {
  const { bodyBytesMax = 0 } = limits
  return {
    isEdge: edge,
    trustedHops: edge ? trustedHops : Infinity,
    sections: {
      bytesMax: limits.headBytesMax ?? HEAD_BYTES_MAX,
      fieldsMax: limits.headerFieldsMax ?? HEADER_FIELDS_MAX,
    },
    bodyBytesMax: bodyBytesMax === 0 ? Infinity : bodyBytesMax,
    connectionsMax: limits.connectionsMax ?? CLIENT_CONNECTIONS_MAX,
    headTimeoutMs: limits.headTimeoutMs ?? HEAD_TIMEOUT_MS,
    bodyIdleTimeoutMs: limits.bodyIdleTimeoutMs ?? REQUEST_BODY_IDLE_TIMEOUT_MS,
    keepAliveTimeoutMs: limits.keepAliveTimeoutMs ?? CLIENT_IDLE_TIMEOUT_MS,
    streamsMax: limits.streamsMax ?? STREAMS_MAX,
    debugToken: debugTokenHash === undefined ? null : new DebugToken(debugTokenHash),
  }
}

/** At the edge, what a client may not say is gone before anything looks at the request; a debug token everywhere. */
export function cleanHead(head: RequestHead, { isEdge, trustedHops, debugToken }: ServingHttp): void {
  const { fields } = head
  head.wantsDecision = false
  if (!fields.hasInternal) return
  if (debugToken !== null) head.wantsDecision = debugToken.admits(fields.get(DEBUG_HEADER))
  if (isEdge) fields.hideInternal(trustedHops > 0)
  else fields.hideNamed(DEBUG_HEADER)
}

/** What the client of the outermost proxy that is believed spoke. */
export function forwardedScheme({ fields }: RequestHead, own: Scheme, { trustedHops }: ServingHttp): Scheme {
  if (trustedHops === 0 || fields.forwardedProto === -1) return own
  return believedScheme(own, fields.get('x-forwarded-proto'))
}
