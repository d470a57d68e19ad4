/** One VirtualService, compiled against given Upstreams. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import type { VirtualService } from '../kinds/virtual-service.ts'
import { unsupportedInVirtualService, virtualServiceErrors } from '../kinds/virtual-service.ts'
import { hasErrors } from '../../../base/diagnostic.ts'
import { keyOf } from '../../../kube/object.ts'
import type { VirtualHost } from '../../../routing/route-model.ts'
import { referenceTo } from '../../references.ts'
import type { Targets } from './destinations.ts'
import { fromFieldErrors, warningAt } from './findings.ts'
import { compileRule } from './route.ts'
import { ruleIds } from './rule-id.ts'
import { findUnreachable } from './unreachable.ts'

const DOMAINS = 'spec.virtualHost.domains'

export interface CompiledHost {
  /** Absent: nothing of it can be served. */
  readonly virtualHost?: VirtualHost
  /** Where each of its domains stands in the object. */
  readonly domainPaths: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
}

export function compileVirtualService(targets: Targets, object: VirtualService): CompiledHost {
  const own = [...fromFieldErrors(virtualServiceErrors(object)), ...unsupportedInVirtualService(object)]
  if (hasErrors(own)) return { diagnostics: own, domainPaths: [] }
  const { domains = [] } = object.spec?.virtualHost ?? {}
  const rules = compileRules(targets, object)
  const routes = rules.flatMap((rule) => rule.routes)
  const diagnostics = [
    ...own,
    ...once(rules.flatMap((rule) => rule.diagnostics)),
    ...findUnreachable(routes),
    ...(routes.length === 0 ? [noRoutes()] : []),
  ]
  const isAll = domains.length === 0
  return {
    virtualHost: { name: keyOf(object), domains: isAll ? ['*'] : domains, routes },
    domainPaths: isAll ? [DOMAINS] : domains.map((_, index) => `${DOMAINS}[${index}]`),
    diagnostics,
  }
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

function noRoutes(): Diagnostic {
  const message = 'There are no routes: every request to these domains answers 404'
  return warningAt('spec.virtualHost.routes', 'no-routes', message)
}
