/** One VirtualService, compiled against given Upstreams. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import type { VirtualService } from '../../../kinds/gloo-virtual-service.ts'
import { unsupportedInVirtualService, virtualServiceErrors } from '../../../kinds/gloo-virtual-service.ts'
import { hasErrors } from '../../../base/diagnostic.ts'
import { keyOf } from '../../../kube/object.ts'
import type { VirtualHost } from '../../../routing/route-model.ts'
import { referenceTo } from '../../dialect.ts'
import type { Targets } from './destinations.ts'
import { errorAt, fromFieldErrors, warningAt } from './findings.ts'
import { compileRule } from './route.ts'
import { ruleIds } from './rule-id.ts'
import { findUnreachable } from './unreachable.ts'

export interface CompiledHost {
  /** Absent: nothing of it can be served. */
  readonly virtualHost?: VirtualHost
  readonly diagnostics: readonly Diagnostic[]
}

/** `owners` says which object has a domain already; lower case. */
export function compileVirtualService(
  targets: Targets,
  owners: ReadonlyMap<string, string>,
  object: VirtualService,
): CompiledHost {
  const own = [...fromFieldErrors(virtualServiceErrors(object)), ...unsupportedInVirtualService(object)]
  if (hasErrors(own)) return { diagnostics: own }
  const host = object.spec?.virtualHost ?? {}
  const { domains, conflicts } = claim(owners, host.domains ?? [])
  const rules = compileRules(targets, object)
  const routes = rules.flatMap((rule) => rule.routes)
  const diagnostics = [
    ...own,
    ...conflicts,
    ...once(rules.flatMap((rule) => rule.diagnostics)),
    ...findUnreachable(routes),
    ...(routes.length === 0 ? [noRoutes()] : []),
  ]
  if (domains.length === 0) return { diagnostics }
  return { virtualHost: { name: keyOf(object), domains, routes }, diagnostics }
}

function compileRules(targets: Targets, object: VirtualService): ReturnType<typeof compileRule>[] {
  const { routes: rules = [], options: host = {} } = object.spec?.virtualHost ?? {}
  const ids = ruleIds(keyOf(object), rules)
  const generation = object.metadata.generation ?? 1
  return rules.map((rule, index) =>
    compileRule(
      targets,
      {
        id: ids[index] ?? '',
        path: `spec.virtualHost.routes[${index}]`,
        origin: { ...referenceTo(object), generation, rule: index },
        host,
      },
      rule,
    ),
  )
}

/** What is wrong with an option of the virtual host is found with every rule that has it. */
function once(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const said = new Set<string>()
  return diagnostics.filter(({ path, code }) => {
    if (!path.startsWith('spec.virtualHost.options')) return true
    const isFirst = !said.has(`${path} ${code}`)
    said.add(`${path} ${code}`)
    return isFirst
  })
}

interface Claim {
  readonly domains: readonly string[]
  readonly conflicts: readonly Diagnostic[]
}

/** Domains that somebody has keep their owner: an error when none is left, else a warning for each. */
function claim(owners: ReadonlyMap<string, string>, wanted: readonly string[]): Claim {
  const all = wanted.length === 0 ? ['*'] : wanted
  const domains = all.filter((domain) => !owners.has(domain.toLowerCase()))
  const conflicts = all.flatMap((domain, index) => {
    const owner = owners.get(domain.toLowerCase())
    if (owner === undefined) return []
    const path = wanted.length === 0 ? 'spec.virtualHost.domains' : `spec.virtualHost.domains[${index}]`
    const message = `Cannot serve domain "${domain}": VirtualService "${owner}" is older and has it`
    return [(domains.length === 0 ? errorAt : warningAt)(path, 'conflicted', message)]
  })
  return { domains, conflicts }
}

function noRoutes(): Diagnostic {
  const message = 'There are no routes: every request to these domains answers 404'
  return warningAt('spec.virtualHost.routes', 'no-routes', message)
}
