/** The options of a route and of its virtual host as the policy of the route. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import type { Route, RouteOptions, VirtualHostOptions } from '../kinds/virtual-service.ts'
import type { RoutePolicy } from '../../../routing/policy-model.ts'
import { COUNT_MAX } from './cluster-settings.ts'
import { compileCors } from './cors.ts'
import type { CompiledDestination, Place, Targets } from './destinations.ts'
import { durationMs } from './duration.ts'
import { warningAt } from './findings.ts'
import { requestEdits, responseEdits } from './header-edits.ts'
import { compileShadowing } from './mirror.ts'
import { compileFaults, compileRetries } from './retry.ts'
import { compileRewrite } from './rewrite.ts'

/** Envoy's default for a route that says nothing. */
const TIMEOUT_MS = 15_000

/** Options that act on what is forwarded. */
const OF_FORWARDING = [
  'prefixRewrite',
  'regexRewrite',
  'hostRewrite',
  'autoHostRewrite',
  'timeout',
  'idleTimeout',
  'retries',
  'shadowing',
  'lbHash',
  'upgrades',
] as const
const OF_REQUESTS = ['requestHeadersToAdd', 'requestHeadersToRemove'] as const

export interface CompiledPolicy {
  readonly policy: RoutePolicy
  readonly diagnostics: readonly Diagnostic[]
}

export interface PolicySources {
  readonly rule: Route
  readonly host: VirtualHostOptions
  /** Of a route that forwards. */
  readonly destinations: readonly CompiledDestination[]
}

/** `place.path` is that of the route's options. */
export function compilePolicy(targets: Targets, place: Place, sources: PolicySources): CompiledPolicy {
  const { rule, host } = sources
  const { options = {} } = rule
  const everywhere = policyOfAnswers(options, host)
  const timeoutMs = durationMs(options.timeout, TIMEOUT_MS)
  if (rule.routeAction === undefined) {
    return { policy: { timeoutMs, ...everywhere }, diagnostics: idleOptions(place.path, options) }
  }
  const forwarding = policyOfForwarding(targets, place, sources)
  return { policy: { timeoutMs, ...forwarding.policy, ...everywhere }, diagnostics: forwarding.diagnostics }
}

/** What acts on every route, also on one that answers by itself. */
function policyOfAnswers(options: RouteOptions, host: VirtualHostOptions): Partial<RoutePolicy> {
  const responseHeaders = responseEdits([options.headerManipulation, host.headerManipulation])
  const fault = compileFaults(options.faults)
  const cors = compileCors(options.cors, host)
  return {
    ...(responseHeaders === undefined ? {} : { responseHeaders }),
    ...(fault === undefined ? {} : { fault }),
    ...(cors === undefined ? {} : { cors }),
  }
}

interface PartialPolicy {
  readonly policy: Partial<RoutePolicy>
  readonly diagnostics: readonly Diagnostic[]
}

function policyOfForwarding(
  targets: Targets,
  place: Place,
  { rule: { options = {} }, host, destinations }: PolicySources,
): PartialPolicy {
  const hostNames = destinations.flatMap((destination) => destination.hostNames)
  const retry = compileRetries(options.retries ?? host.retries, destinations.every(limitsRetries))
  const { rewrite, diagnostics } = compileRewrite(place.path, options, hostNames)
  const requestHeaders = requestEdits([options.headerManipulation, host.headerManipulation])
  const shadow = mirrorsOf(targets, place, options)
  return {
    policy: {
      ...(options.idleTimeout === undefined ? {} : { idleTimeoutMs: durationMs(options.idleTimeout, 0) }),
      ...(retry === undefined ? {} : { retry }),
      ...(rewrite === undefined ? {} : { rewrite }),
      ...(requestHeaders === undefined ? {} : { requestHeaders }),
      ...(shadow.mirrors === undefined ? {} : { mirrors: shadow.mirrors }),
    },
    diagnostics: [...diagnostics, ...shadow.diagnostics],
  }
}

function mirrorsOf(targets: Targets, place: Place, { shadowing }: RouteOptions): ReturnType<typeof compileShadowing> {
  if (shadowing === undefined) return { diagnostics: [] }
  return compileShadowing(targets, { ...place, path: `${place.path}.shadowing` }, shadowing)
}

function limitsRetries({ settings }: CompiledDestination): boolean {
  return (settings.limits?.retriesMax ?? COUNT_MAX) < COUNT_MAX
}

/** Options of a route that forwards nothing. */
function idleOptions(path: string, options: RouteOptions): readonly Diagnostic[] {
  const headers = options.headerManipulation ?? {}
  const fields = [
    ...OF_FORWARDING.filter((name) => options[name] !== undefined),
    ...OF_REQUESTS.filter((name) => headers[name] !== undefined).map((name) => `headerManipulation.${name}`),
  ]
  return fields.map((field) => {
    const name = field.slice(field.indexOf('.') + 1)
    const message = `Cannot act on "${name}": the route forwards nothing, it answers by itself`
    return warningAt(`${path}.${field}`, 'no-effect', message)
  })
}
