/** What the gateway tells of its requests, as options of a command. */
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { ACCESS_LOG_TEMPLATE } from '../routing/access-log.ts'
import type { HttpPolicy, Tracing } from '../routing/listener-model.ts'
import { UsageError, parsePath } from './command.ts'

/** Istio's. */
const SAMPLED_SHARE_DEFAULT = 0.01
const SERVICE_NAME = 'sluice-gateway'

export interface TellingOptions {
  readonly accessLog?: string
  readonly traceTo?: NonNullable<Tracing['export']>
  readonly traceSampling?: number
}

export function addTellingOptions(command: Command): Command {
  return command
    .option('--access-log <path>', 'file that gets a line for each request; -: the proxies’ own output', parsePath)
    .option(
      '--trace-to <url>',
      'where spans are sent: to Zipkin (…/api/v2/spans) or an OTLP collector (…/v1/traces)',
      parseTarget,
    )
    .option('--trace-sampling <share>', 'share of the requests that are traced, 0 to 1; default: 0.01', parseShare)
}

/** `cwd`: that a relative path begins at. */
export function tellingOf(
  { accessLog, traceTo, traceSampling }: TellingOptions,
  cwd: string,
): Pick<HttpPolicy, 'accessLog' | 'tracing'> {
  if (traceTo === undefined && traceSampling !== undefined) {
    throw new UsageError('Cannot use --trace-sampling by itself: say with --trace-to where the spans go.')
  }
  const path = accessLog === '-' ? '/dev/stdout' : accessLog
  return {
    ...(path === undefined
      ? {}
      : { accessLog: { path: resolve(cwd, path), format: { kind: 'text', template: ACCESS_LOG_TEMPLATE } } }),
    ...(traceTo === undefined ? {} : { tracing: tracingTo(traceTo, traceSampling) }),
  }
}

function tracingTo(target: NonNullable<Tracing['export']>, sampledShare = SAMPLED_SHARE_DEFAULT): Tracing {
  return { sampledShare, propagation: ['w3c'], serviceName: SERVICE_NAME, export: target }
}

/** The path says what is spoken. */
function parseTarget(text: string): NonNullable<Tracing['export']> {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) throw new InvalidArgumentError('Expected an http or https URL.')
  if (url.pathname.endsWith('/v1/traces')) return { kind: 'otlp', url: text }
  if (url.pathname.endsWith('/spans')) return { kind: 'zipkin', url: text }
  throw new InvalidArgumentError(
    'Expected the whole URL: http://127.0.0.1:9411/api/v2/spans for Zipkin, http://127.0.0.1:4318/v1/traces for OTLP.',
  )
}

function parseShare(text: string): number {
  const share = Number(text)
  if (text.trim() !== '' && share >= 0 && share <= 1) return share
  throw new InvalidArgumentError('Expected a number from 0 to 1.')
}
