/** What a proxy remembers of one request for tracing, and the two forms in which collectors take it. */

/** The request as the proxy served it, from its first byte to the response's last. */
export interface Span {
  readonly serviceName: string
  /** 16 or 32 hex digits. */
  readonly traceId: string
  readonly spanId: string
  /** Empty: the trace begins here. */
  readonly parentId: string
  /** W3C `tracestate`, or empty. */
  readonly state: string
  readonly isDebug: boolean
  /** Few different ones: of the route, not of the request. */
  readonly name: string
  /** Ms since the epoch, with parts. */
  readonly startedAtMs: number
  readonly durationMs: number
  readonly isError: boolean
  /** Whose request it was. */
  readonly peerAddress: string
  readonly tags: Readonly<Record<string, string>>
}

const MICROS_PER_MS = 1_000
const NANOS_PER_MICRO = '000'
const OTLP_SERVER = 2
const OTLP_ERROR = 2

/** The body of `POST /api/v2/spans`. */
export function zipkinSpans(spans: readonly Span[]): unknown {
  return spans.map((span) => ({
    traceId: span.traceId,
    id: span.spanId,
    ...(span.parentId === '' ? {} : { parentId: span.parentId }),
    kind: 'SERVER',
    name: span.name.toLowerCase(),
    timestamp: Math.round(span.startedAtMs * MICROS_PER_MS),
    // Zipkin takes 0 for unknown.
    duration: Math.max(1, Math.round(span.durationMs * MICROS_PER_MS)),
    localEndpoint: { serviceName: span.serviceName.toLowerCase() },
    ...(span.peerAddress === '' ? {} : { remoteEndpoint: endpoint(span.peerAddress) }),
    tags: { ...span.tags, ...(span.isError ? { error: 'true' } : {}) },
    ...(span.isDebug ? { debug: true } : {}),
  }))
}

/** The body of `POST /v1/traces` in JSON: ids in hex, 64-bit numbers as texts. */
export function otlpSpans(spans: readonly Span[]): unknown {
  const services = Map.groupBy(spans, ({ serviceName }) => serviceName)
  return {
    resourceSpans: [...services].map(([serviceName, own]) => ({
      resource: { attributes: attributes({ 'service.name': serviceName }) },
      scopeSpans: [{ scope: { name: 'sluice' }, spans: own.map(otlpSpan) }],
    })),
  }
}

function otlpSpan(span: Span): unknown {
  const startMicros = Math.round(span.startedAtMs * MICROS_PER_MS)
  const endMicros = startMicros + Math.round(span.durationMs * MICROS_PER_MS)
  return {
    traceId: span.traceId.padStart(32, '0'),
    spanId: span.spanId,
    ...(span.parentId === '' ? {} : { parentSpanId: span.parentId }),
    ...(span.state === '' ? {} : { traceState: span.state }),
    name: span.name,
    kind: OTLP_SERVER,
    // Whole microseconds: nanoseconds since the epoch do not fit a double.
    startTimeUnixNano: `${startMicros}${NANOS_PER_MICRO}`,
    endTimeUnixNano: `${endMicros}${NANOS_PER_MICRO}`,
    attributes: attributes(span.tags),
    status: span.isError ? { code: OTLP_ERROR } : {},
  }
}

function attributes(tags: Readonly<Record<string, string>>): unknown {
  return Object.entries(tags).map(([key, value]) => ({ key, value: { stringValue: value } }))
}

function endpoint(address: string): Readonly<Record<string, string>> {
  return address.includes(':') ? { ipv6: address } : { ipv4: address }
}
