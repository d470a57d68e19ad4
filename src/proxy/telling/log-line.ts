/** Entries of an access log as lines, by templates that are compiled once. */
import { hostPort } from '../../base/host-port.ts'
import { defined } from '../../base/assert.ts'
import { parseAccessLogTemplate } from '../../routing/access-log.ts'
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

/** What an operator says; empty or below 0: it is missing. */
type Reader = (entry: AccessEntry) => string | number

/** Latin1 in and out. */
type Escape = (text: string) => string

interface Part {
  /** Literally, before the value. */
  readonly before: string
  readonly read: Reader
  readonly escape: Escape
  /** On both sides of a value that is no number. */
  readonly quote: string
  readonly missing: string
}

type Operator = Exclude<AccessLogPart, { kind: 'literal' }>

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
  const { parts, end } =
    format.kind === 'text' ? textLine(format.template, hostname) : jsonLine(format.fields, hostname)
  return {
    format(entry, line) {
      for (const part of parts) putPart(part, entry, line)
      line.put(end)
    },
    responseHeaders: [...new Set(templates.flatMap(responseHeadersOf))],
  }
}

function putPart({ before, read, escape, quote, missing }: Part, entry: AccessEntry, line: LineBytes): void {
  line.put(before)
  const value = read(entry)
  if (typeof value === 'number') return value < 0 ? line.put(missing) : line.putWhole(value)
  if (value === '') return line.put(missing)
  line.put(quote)
  line.putEscaped(value, escape)
  line.put(quote)
}

function responseHeadersOf(template: string): readonly string[] {
  const names = partsOf(template).flatMap((part) =>
    part.kind === 'header' && part.of === 'response' ? part.names : [],
  )
  return names.filter((name) => name !== UPSTREAM_SERVICE_TIME)
}

/** Operators, each with what stands before it. */
class LineParts {
  readonly parts: Part[] = []
  /** Behind the last part. */
  end = ''

  add(part: Omit<Part, 'before'>): void {
    this.parts.push({ before: this.end, ...part })
    this.end = ''
  }
}

function textLine(template: string, hostname: string): LineParts {
  const line = new LineParts()
  for (const part of partsOf(template)) {
    if (part.kind === 'literal') line.end += toBytes(part.text)
    else line.add({ read: readerOf(part, hostname), escape: escapeFor(part, escapedText), quote: '', missing: MISSING })
  }
  line.end += '\n'
  return line
}

function jsonLine(fields: Readonly<Record<string, string>>, hostname: string): LineParts {
  const line = new LineParts()
  for (const [index, [name, template]] of Object.entries(fields).entries()) {
    line.end += `${index === 0 ? '{' : ','}"${escapedJson(toBytes(name))}":`
    addJsonValue(line, partsOf(template), hostname)
  }
  line.end += line.parts.length === 0 && line.end === '' ? '{}\n' : '}\n'
  return line
}

/** One operator keeps its type. */
function addJsonValue(line: LineParts, parts: readonly AccessLogPart[], hostname: string): void {
  const isWhole = parts.length === 1 && parts[0]?.kind !== 'literal'
  const quote = isWhole ? '' : '"'
  line.end += quote
  for (const part of parts) {
    if (part.kind === 'literal') line.end += escapedJson(toBytes(part.text))
    else {
      const escape = escapeFor(part, escapedJson)
      const read = readerOf(part, hostname)
      line.add(isWhole ? { read, escape, quote: '"', missing: 'null' } : { read, escape, quote: '', missing: MISSING })
    }
  }
  line.end += quote
}

/** What comes out of the configuration is text; all else is bytes already. */
function escapeFor(part: Operator, escape: Escape): Escape {
  const isText = part.kind === 'start-time' || (part.kind === 'plain' && CONFIGURED.has(part.operator))
  return isText ? (text) => escape(toBytes(text)) : escape
}

function partsOf(template: string): readonly AccessLogPart[] {
  const parsed = parseAccessLogTemplate(template)
  return defined(parsed.kind === 'parts' ? parsed.parts : undefined, 'access log template')
}

function readerOf(part: Operator, hostname: string): Reader {
  if (part.kind === 'start-time') return ({ startedAtMs }) => part.format.format(startedAtMs)
  if (part.kind === 'header') return headerReader(part)
  return part.operator === 'HOSTNAME' ? () => hostname : READERS[part.operator]
}

function headerReader({ of, names, lengthMax }: Extract<AccessLogPart, { kind: 'header' }>): Reader {
  return (entry) => {
    for (const name of names) {
      const value =
        of === 'request'
          ? entry.requestHeader(name)
          : of === 'response'
            ? responseHeader(entry, name)
            : entry.trailer(name)
      if (value !== '') return value.length > lengthMax ? value.slice(0, lengthMax) : value
    }
    return ''
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

const READERS: Readonly<Record<Exclude<PlainOperator, 'HOSTNAME'>, Reader>> = {
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
