/** What a route makes of the path and the host. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import type { RouteOptions } from '../kinds/virtual-service.ts'
import type { PathRewrite, Rewrite } from '../../../routing/policy-model.ts'
import { errorAt, warningAt } from './findings.ts'

interface CompiledRewrite {
  readonly rewrite?: Rewrite
  readonly diagnostics: readonly Diagnostic[]
}

/** `hostNames`: those behind the destinations, for `autoHostRewrite`. */
export function compileRewrite(path: string, options: RouteOptions, hostNames: readonly string[]): CompiledRewrite {
  const authority = authorityOf(path, options, hostNames)
  const newPath = pathOf(options)
  const rewrite: Rewrite = {
    ...(newPath === undefined ? {} : { path: newPath }),
    ...(authority.value === undefined ? {} : { authority: authority.value }),
  }
  return { ...(Object.keys(rewrite).length === 0 ? {} : { rewrite }), diagnostics: authority.diagnostics }
}

function pathOf({ prefixRewrite = '', regexRewrite }: RouteOptions): PathRewrite | undefined {
  if (prefixRewrite !== '') return { kind: 'prefix', value: prefixRewrite }
  if (regexRewrite === undefined) return undefined
  return { kind: 'regex', pattern: regexRewrite.pattern?.regex ?? '', value: regexRewrite.substitution ?? '' }
}

interface Authority {
  readonly value?: string
  readonly diagnostics: readonly Diagnostic[]
}

/** `autoHostRewrite` sets the name of the chosen host; we can where all destinations have the same one. */
function authorityOf(
  path: string,
  { hostRewrite, autoHostRewrite }: RouteOptions,
  hostNames: readonly string[],
): Authority {
  if (hostRewrite !== undefined && hostRewrite !== '') return { value: hostRewrite, diagnostics: [] }
  if (autoHostRewrite !== true) return { diagnostics: [] }
  const [only, ...others] = [...new Set(hostNames)]
  const field = `${path}.autoHostRewrite`
  if (only === undefined) {
    const message = 'Cannot act on "autoHostRewrite": only static Upstreams have host names'
    return { diagnostics: [warningAt(field, 'no-effect', message)] }
  }
  if (others.length === 0) return { value: only, diagnostics: [] }
  const message =
    'Cannot act on "autoHostRewrite": the destinations have different host names, which is not implemented yet'
  return { diagnostics: [errorAt(field, 'not-implemented', message)] }
}
