/** What the requests of a route are hashed by, for Upstreams that balance by hash. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import { parseDurationMs } from '../../../base/duration.ts'
import { usedHashPolicy } from '../kinds/virtual-service.ts'
import type { HashPolicy } from '../kinds/virtual-service.ts'
import type { HashKey } from '../../../routing/route-model.ts'
import type { CompiledDestination } from './destinations.ts'
import { warningAt } from './findings.ts'

export function compileHashKey(policies: readonly HashPolicy[] = []): HashKey | undefined {
  const policy = policies[usedHashPolicy(policies)]
  if (policy?.header !== undefined) return { kind: 'header', name: policy.header.toLowerCase() }
  if (policy?.cookie !== undefined) {
    const { name = '', ttl = '', path = '' } = policy.cookie
    return { kind: 'cookie', name, ttlSeconds: Math.ceil((parseDurationMs(ttl) ?? 0) / 1_000), path }
  }
  return policy === undefined ? undefined : { kind: 'source-address' }
}

/** A key that nobody uses, or an Upstream that waits for one. `path` is that of the route. */
export function checkHashing(
  path: string,
  key: HashKey | undefined,
  destinations: readonly CompiledDestination[],
): readonly Diagnostic[] {
  const hashing = destinations.filter(({ settings }) => 'key' in (settings.balance ?? {}))
  if (key === undefined) {
    return hashing.slice(0, 1).map(({ title }) => {
      const message = `${title} balances by hash, and the route does not say of what: its requests go to any endpoint. Give it lbHash`
      return warningAt(`${path}.routeAction`, 'no-hash-key', message)
    })
  }
  if (hashing.length > 0) return []
  const message = 'Cannot act on "lbHash": none of the destinations balances by ringHash or maglev'
  return [warningAt(`${path}.options.lbHash`, 'no-effect', message)]
}
