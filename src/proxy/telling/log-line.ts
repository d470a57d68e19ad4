/** Entries of an access log as lines, by templates that are compiled once. */
import { hostPort } from '../../base/host-port.ts'
import { defined } from '../../base/assert.ts'
import { PLAIN_OPERATORS, parseAccessLogTemplate } from '../../routing/access-log.ts'
import type { AccessLogPart, PlainOperator } from '../../routing/access-log.ts'
import type { AccessLog } from '../../routing/listener-model.ts'

import type { AccessEntry } from './access-entry.ts'
import { escapedJson, escapedText, toBytes } from './escape.ts'
import type { LineBytes } from './line-bytes.ts'

export interface LogLine {
  /** Writes the entry with its line feed. */
  format(entry: AccessEntry, line: LineBytes): void
  /** Of the response, what must be kept until the end. */
  readonly responseHeaders: readonly string[]
}

/** What one part says; null: it is missing. */
type Part = (entry: AccessEntry) => string | number | null

/** Writes one part. */
type Piece = (entry: AccessEntry, line: LineBytes) => void

/** Latin1 in and out. */
type Escape = (text: string) => string

interface Notation {
  readonly literal: Escape
  readonly value: Escape
}

const TEXT: Notation = { literal: (text) => text, value: escapedText }
const JSON_STRING: Notation = { literal: escapedJson, value: escapedJson }

const CONFIGURED: ReadonlySet<PlainOperator> = new Set<PlainOperator>([
  'HOSTNAME',
  'ROUTE_NAME',
  'UPSTREAM_CLUSTER',
  'UPSTREAM_CLUSTER_RAW',
  'UPSTREAM_HOST',
  'UPSTREAM_REMOTE_ADDRESS',
  'UPSTREAM_TRANSPORT_FAILURE_REASON',
  'VIRTUAL_CLUSTER_NAME',
])
const MISSING = '-'
const UPSTREAM_SERVICE_TIME = 'x-envoy-upstream-service-time'

/** The format must have passed `checkSnapshot`. */
export function compileLogLine(format: AccessLog['format'], hostname: string): LogLine {
  const templates = format.kind === 'text' ? [format.template] : Object.values(format.fields)
  return {
    format: format.kind === 'text' ? textLine(format.template, hostname) : jsonLine(format.fields, hostname),
    responseHeaders: [...new Set(templates.flatMap(responseHeadersOf))],
  }
}

function responseHeadersOf(template: string): readonly string[] {
  const names = partsOf(template).flatMap((part) =>
    part.kind === 'header' && part.of === 'response' ? part.names : [],
  )
  return names.filter((name) => name !== UPSTREAM_SERVICE_TIME)
}

function textLine(template: string, hostname: string): LogLine['format'] {
  const pieces = piecesOf(partsOf(template), hostname, TEXT)
  return (entry, line) => {
    for (const piece of pieces) piece(entry, line)
    line.put('\n')
  }
}

function piecesOf(parts: readonly AccessLogPart[], hostname: string, notation: Notation): readonly Piece[] {
  return parts.map((part) => {
    if (part.kind !== 'literal') return pieceOf(compilePart(part, hostname), escapeFor(part, notation))
    const text = notation.literal(toBytes(part.text))
    return (_, line) => line.put(text)
  })
}

function pieceOf(part: Part, escape: Escape): Piece {
  return (entry, line) => {
    const value = part(entry)
    if (typeof value === 'string') line.putEscaped(value, escape)
    else line.put(value === null ? MISSING : String(value))
  }
}

/** What comes out of the configuration is text; all else is bytes already. */
function escapeFor(part: AccessLogPart, { value }: Notation): Escape {
  const isText = part.kind === 'start-time' || (part.kind === 'plain' && CONFIGURED.has(part.operator))
  return isText ? (text) => value(toBytes(text)) : value
}

function jsonLine(fields: Readonly<Record<string, string>>, hostname: string): LogLine['format'] {
  const named = Object.entries(fields).map(([name, template], index) => ({
    name: `${index === 0 ? '' : ','}"${escapedJson(toBytes(name))}":`,
    put: jsonValue(partsOf(template), hostname),
  }))
  return (entry, line) => {
    line.put('{')
    for (const { name, put } of named) {
      line.put(name)
      put(entry, line)
    }
    line.put('}\n')
  }
}

/** One operator keeps its type. */
function jsonValue(parts: readonly AccessLogPart[], hostname: string): Piece {
  const [only] = parts
  if (parts.length === 1 && only !== undefined && only.kind !== 'literal') {
    const part = compilePart(only, hostname)
    const escape = escapeFor(only, JSON_STRING)
    return (entry, line) => {
      const value = part(entry)
      if (typeof value === 'string') putQuoted(value, line, escape)
      else line.put(String(value))
    }
  }
  const pieces = piecesOf(parts, hostname, JSON_STRING)
  return (entry, line) => {
    line.put('"')
    for (const piece of pieces) piece(entry, line)
    line.put('"')
  }
}

function putQuoted(value: string, line: LineBytes, escape: Escape): void {
  line.put('"')
  line.putEscaped(value, escape)
  line.put('"')
}

function partsOf(template: string): readonly AccessLogPart[] {
  const parsed = parseAccessLogTemplate(template)
  return defined(parsed.kind === 'parts' ? parsed.parts : undefined, 'access log template')
}

function compilePart(part: Exclude<AccessLogPart, { kind: 'literal' }>, hostname: string): Part {
  if (part.kind === 'plain') return compilePlain(part.operator, hostname)
  if (part.kind === 'header') return compileHeader(part)
  const { format } = part
  return ({ startedAtMs }) => format.format(startedAtMs)
}

function compilePlain(operator: PlainOperator, hostname: string): Part {
  if (operator === 'HOSTNAME') return () => hostname
  const read = READERS[operator]
  if (PLAIN_OPERATORS[operator] === 'number') return (entry) => wholeNumber(read(entry))
  return (entry) => {
    const value = read(entry)
    return value === '' ? null : value
  }
}

function wholeNumber(value: string | number): number | null {
  return typeof value === 'number' && value >= 0 ? Math.floor(value) : null
}

function compileHeader({ of, names, lengthMax }: Extract<AccessLogPart, { kind: 'header' }>): Part {
  const read = (entry: AccessEntry, name: string): string => {
    if (of === 'request') return entry.requestHeader(name)
    return of === 'response' ? responseHeader(entry, name) : entry.trailer(name)
  }
  return (entry) => {
    for (const name of names) {
      const value = read(entry, name)
      if (value !== '') return value.length > lengthMax ? value.slice(0, lengthMax) : value
    }
    return null
  }
}

/** Envoy adds this one to responses; its readers want the number in the log. */
function responseHeader(entry: AccessEntry, name: string): string {
  if (name !== UPSTREAM_SERVICE_TIME) return entry.responseHeader(name)
  return entry.upstreamServiceMs < 0 ? '' : String(Math.floor(entry.upstreamServiceMs))
}

const GRPC_STATUS_NAMES = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
]

const READERS: Readonly<Record<Exclude<PlainOperator, 'HOSTNAME'>, (entry: AccessEntry) => string | number>> = {
  PROTOCOL: ({ protocol }) => protocol,
  RESPONSE_CODE: ({ status }) => status,
  RESPONSE_CODE_DETAILS: ({ details }) => details,
  RESPONSE_FLAGS: ({ flag }) => flag,
  // Envoy's for connections that its own filters end; ours has none of these.
  CONNECTION_TERMINATION_DETAILS: () => '',
  BYTES_RECEIVED: ({ bytesReceived }) => bytesReceived,
  BYTES_SENT: ({ bytesSent }) => bytesSent,
  DURATION: ({ durationMs }) => durationMs,
  REQUEST_DURATION: ({ requestDurationMs }) => requestDurationMs,
  RESPONSE_DURATION: ({ responseDurationMs }) => responseDurationMs,
  RESPONSE_TX_DURATION: ({ durationMs, responseDurationMs }) =>
    responseDurationMs < 0 ? -1 : durationMs - responseDurationMs,
  UPSTREAM_HOST: ({ upstreamHost }) => upstreamHost,
  UPSTREAM_REMOTE_ADDRESS: ({ upstreamHost }) => upstreamHost,
  UPSTREAM_CLUSTER: ({ cluster }) => cluster,
  UPSTREAM_CLUSTER_RAW: ({ cluster }) => cluster,
  UPSTREAM_LOCAL_ADDRESS: ({ upstreamLocalAddress }) => upstreamLocalAddress,
  UPSTREAM_TRANSPORT_FAILURE_REASON: ({ transportFailure }) => transportFailure,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: ({ attempts }) => attempts,
  DOWNSTREAM_REMOTE_ADDRESS: ({ client }) => hostPort(client.address, client.port),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: ({ client }) => client.address,
  DOWNSTREAM_REMOTE_PORT: ({ client }) => client.port,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: ({ client }) => hostPort(client.address, client.port),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: ({ client }) => client.address,
  DOWNSTREAM_LOCAL_ADDRESS: ({ client }) => hostPort(client.localAddress, client.localPort),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: ({ client }) => client.localAddress,
  DOWNSTREAM_LOCAL_PORT: ({ client }) => client.localPort,
  REQUESTED_SERVER_NAME: ({ client }) => client.serverName,
  ROUTE_NAME: ({ routeName }) => routeName,
  VIRTUAL_CLUSTER_NAME: ({ virtualHostName }) => virtualHostName,
  GRPC_STATUS: ({ grpcStatus = -1 }) => (grpcStatus < 0 ? '' : (GRPC_STATUS_NAMES[grpcStatus] ?? String(grpcStatus))),
  GRPC_STATUS_NUMBER: ({ grpcStatus = -1 }) => grpcStatus,
  TRACE_ID: ({ traceId }) => traceId,
  STREAM_ID: ({ streamId }) => streamId,
}
