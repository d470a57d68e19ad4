/**
 * What the data plane would refuse, told to the owner of the object in its own words: one bad value must not keep everybody's
 * snapshot from being served. Most of it is found before, when the object is checked.
 */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import type { Route, VirtualHostOptions } from '../kinds/virtual-service.ts'
import { clusterProblems, routeProblems } from '../../../routing/check.ts'
import type { Cluster } from '../../../routing/cluster-model.ts'
import type { Route as ModelRoute } from '../../../routing/route-model.ts'
import { errorAt } from './findings.ts'

/** Where what is wrong in a route comes from. */
const OPTIONS: readonly (readonly [problem: string, options: readonly string[]])[] = [
  ['policy.requestHeaders', ['headerManipulation']],
  ['policy.responseHeaders', ['headerManipulation']],
  ['policy.rewrite.path', ['regexRewrite', 'prefixRewrite']],
  ['policy.rewrite.authority', ['hostRewrite', 'autoHostRewrite']],
  ['policy.retry', ['retries']],
  ['policy.fault', ['faults']],
  ['policy.cors', ['cors']],
  ['policy.mirrors', ['shadowing']],
  ['policy.idleTimeoutMs', ['idleTimeout']],
  ['action.hashKey', ['lbHash']],
]
const ACTIONS = ['routeAction', 'redirectAction', 'directResponseAction'] as const

const UPSTREAM_FIELDS: readonly (readonly [problem: string, field: string])[] = [
  ['tls', 'spec.sslConfig'],
  ['balance', 'spec.loadBalancerConfig'],
  ['slowStart', 'spec.loadBalancerConfig'],
  ['limits', 'spec.circuitBreakers'],
  ['outlier', 'spec.outlierDetection'],
  ['healthCheck', 'spec.healthChecks[0]'],
  ['endpoints', 'spec.static.hosts'],
]

export interface RuleSource {
  /** `spec.virtualHost.routes[0]` */
  readonly path: string
  readonly rule: Route
  readonly host: VirtualHostOptions
}

/** Of the routes of one rule, which differ only in what they match: what is wrong with all of them is said once. */
export function findRouteProblems(routes: readonly ModelRoute[], source: RuleSource): readonly Diagnostic[] {
  const said = new Set<string>()
  return routes.flatMap((route, index) =>
    routeProblems(route, '').flatMap(({ code, path, message }) => {
      const problem = path.slice(1)
      const isOfMatcher = problem.startsWith('match')
      if (!isOfMatcher && said.has(problem)) return []
      said.add(problem)
      const field = isOfMatcher ? `${source.path}.matchers[${index}]` : fieldOf(problem, source)
      return [errorAt(field, code, message)]
    }),
  )
}

function fieldOf(problem: string, { path, rule, host }: RuleSource): string {
  const names = OPTIONS.find(([prefix]) => problem.startsWith(prefix))?.[1] ?? []
  const own = names.find((name) => name in (rule.options ?? {}))
  if (own !== undefined) return `${path}.options.${own}`
  const inherited = names.find((name) => name in host)
  if (inherited !== undefined) return `spec.virtualHost.options.${inherited}`
  const action = ACTIONS.find((name) => rule[name] !== undefined)
  return problem.startsWith('action') && action !== undefined ? `${path}.${action}` : path
}

export function findClusterProblems(cluster: Cluster): readonly Diagnostic[] {
  return clusterProblems(cluster, '').map(({ code, path, message }) => {
    const problem = path.slice(1)
    const field = UPSTREAM_FIELDS.find(([prefix]) => problem.startsWith(prefix))?.[1] ?? 'spec'
    return errorAt(field, code, message)
  })
}
