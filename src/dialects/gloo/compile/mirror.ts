/** Copies of requests for another Upstream. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import { shareOfPercentage } from '../kinds/virtual-service.ts'
import type { Shadowing } from '../kinds/virtual-service.ts'
import { objectKey } from '../../../kube/object.ts'
import type { Mirror } from '../../../routing/policy-model.ts'
import type { Place, Targets } from './destinations.ts'
import { warningAt } from './findings.ts'

interface CompiledMirrors {
  /** Absent: nobody gets copies. */
  readonly mirrors?: readonly Mirror[]
  readonly diagnostics: readonly Diagnostic[]
}

export function compileShadowing(
  targets: Targets,
  { path, namespace }: Place,
  { upstream = {}, percentage }: Shadowing,
): CompiledMirrors {
  const share = shareOfPercentage(percentage)
  const found = targets.upstream(objectKey(upstream.namespace ?? namespace, upstream.name ?? ''))
  if ('missing' in found) {
    const message = `${found.missing}: no copies of requests are sent`
    return { diagnostics: [warningAt(`${path}.upstream`, 'unknown-upstream', message)] }
  }
  if (share === 0) return { diagnostics: [] }
  return { mirrors: [{ cluster: targets.clusters.use(found).name, share }], diagnostics: [] }
}
