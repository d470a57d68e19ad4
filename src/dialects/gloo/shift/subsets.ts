/** What stable and canary are called in an Upstream: the values of its subset keys, from the labels of the pods. */
import type { Destination } from '../kinds/virtual-service.ts'
import { upstreams } from '../kinds/upstream.ts'
import type { Upstream } from '../kinds/upstream.ts'
import { services } from '../../../kinds/service.ts'
import { isSameJson } from '../../../kube/json-value.ts'
import { keyOf } from '../../../kube/object.ts'
import type { ShiftContext } from '../../traffic-shift.ts'

type Labels = Readonly<Record<string, string>>

/** With the objects that decide what stable and canary are called. */
export interface GlooShiftContext extends ShiftContext {
  readonly upstreams: readonly Upstream[]
  /** Selectors of the Services, by `namespace/name`. */
  readonly serviceSelectors: ReadonlyMap<string, Labels>
}

export function glooContext(context: ShiftContext): GlooShiftContext {
  const { namespace, objects } = context
  const known = objects.list(services, namespace)
  return {
    ...context,
    upstreams: objects.list(upstreams),
    serviceSelectors: new Map(known.map((service) => [keyOf(service), service.spec.selector ?? {}])),
  }
}

/** One way to name both versions: destinations of `upstream` with the subset `stable` reach stable. */
export interface SubsetPair {
  /** `namespace/name` */
  readonly upstream: string
  readonly stable: Labels
  readonly canary: Labels
  /** Of the VirtualService: a reference without a namespace means it. */
  readonly namespace: string
}

export function subsetPairs(namespace: string, context: GlooShiftContext): readonly SubsetPair[] {
  return context.upstreams
    .filter((upstream) => reaches(upstream, context, context.stableLabels))
    .flatMap((upstream) =>
      (upstream.spec?.kube?.subsetSpec?.selectors ?? []).flatMap(({ keys = [] }) => {
        const stable = pick(context.stableLabels, keys)
        const canary = pick(context.canaryLabels, keys)
        if (stable === undefined || canary === undefined || isSameJson(stable, canary)) return []
        return [{ upstream: nameOf(upstream), stable, canary, namespace }]
      }),
    )
}

/** The Upstream's Service, and its own selector, choose pods with these labels. */
export function reaches(upstream: Upstream, context: GlooShiftContext, labels: Labels): boolean {
  const kube = upstream.spec?.kube
  if (kube === undefined) return false
  const namespace = kube.serviceNamespace ?? upstream.metadata.namespace ?? ''
  const selector = context.serviceSelectors.get(`${namespace}/${kube.serviceName ?? ''}`)
  return (
    namespace === context.namespace &&
    selector !== undefined &&
    Object.entries({ ...selector, ...kube.selector }).every(([key, value]) => labels[key] === value)
  )
}

export function nameOf({ metadata }: Upstream): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`
}

/** The labels of these keys; undefined when one is missing. */
export function pick(labels: Labels, keys: readonly string[]): Labels | undefined {
  const entries = keys.flatMap((key) => {
    const value = labels[key]
    return value === undefined ? [] : [[key, value] as const]
  })
  return entries.length === keys.length && keys.length > 0 ? Object.fromEntries(entries) : undefined
}

export type Side = 'stable' | 'canary'

/** Which version a destination reaches; undefined: another service, another version, or both. */
export function sideOf(
  destination: Destination | undefined,
  pairs: readonly SubsetPair[],
): { readonly side: Side; readonly pair: SubsetPair } | undefined {
  const values = destination?.subset?.values
  if (destination?.upstream === undefined || values === undefined) return undefined
  for (const pair of pairs) {
    if (upstreamOf(destination, pair.namespace) !== pair.upstream) continue
    if (isSameJson(values, pair.stable)) return { side: 'stable', pair }
    if (isSameJson(values, pair.canary)) return { side: 'canary', pair }
  }
  return undefined
}

export function upstreamOf({ upstream }: Destination, namespace: string): string {
  return `${upstream?.namespace ?? namespace}/${upstream?.name ?? ''}`
}
