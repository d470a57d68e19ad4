/** CORS of a route and of its virtual host as one policy. */
import { maxAgeSeconds, mergeStrategy, textList } from '../kinds/virtual-service.ts'
import type { Cors, VirtualHostOptions } from '../kinds/virtual-service.ts'
import type { ValueMatch } from '../../../routing/match-model.ts'
import type { CorsPolicy } from '../../../routing/policy-model.ts'

/** As in Envoy: what the route says counts, field by field; what it leaves open is as on the virtual host. */
export function compileCors(route: Cors | undefined, host: VirtualHostOptions): CorsPolicy | undefined {
  const policies = [route, host.cors].flatMap((policy) => policy ?? [])
  if (policies.length === 0 || route?.disableForRoute === true) return undefined
  const maxAge = policies.map((policy) => policy.maxAge ?? '').find((text) => text !== '')
  const seconds = maxAge === undefined ? undefined : maxAgeSeconds(maxAge)
  return {
    allowOrigins: firstList(policies.map(originsOf)),
    allowMethods: firstList(policies.map((policy) => textList(policy.allowMethods))),
    allowHeaders: firstList(policies.map((policy) => textList(policy.allowHeaders))),
    exposeHeaders: exposeHeaders(
      policies.map((policy) => textList(policy.exposeHeaders)),
      host,
    ),
    allowCredentials: policies.some((policy) => policy.allowCredentials === true),
    ...(seconds === undefined ? {} : { maxAgeSeconds: seconds }),
  }
}

function originsOf({ allowOrigin = [], allowOriginRegex = [] }: Cors): readonly ValueMatch[] {
  return [
    ...allowOrigin.map((value): ValueMatch => (value === '*' ? { kind: 'present' } : { kind: 'exact', value })),
    ...allowOriginRegex.map((value): ValueMatch => ({ kind: 'regex', value })),
  ]
}

function exposeHeaders(
  lists: readonly (readonly string[])[],
  { corsPolicyMergeSettings }: VirtualHostOptions,
): readonly string[] {
  const isUnion = mergeStrategy(corsPolicyMergeSettings?.exposeHeaders) === 'UNION'
  return isUnion ? [...new Set(lists.toReversed().flat())] : firstList(lists)
}

function firstList<T>(lists: readonly (readonly T[])[]): readonly T[] {
  return lists.find(({ length }) => length > 0) ?? []
}
