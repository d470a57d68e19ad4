/** Where a route's requests go: Gloo's destinations as weighted clusters. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import { fallbackPolicy } from '../kinds/upstream.ts'
import type { Destination, WeightedDestination } from '../kinds/virtual-service.ts'
import type { ObjectKey } from '../../../kube/object.ts'
import { objectKey } from '../../../kube/object.ts'
import type { WeightedDestination as ModelDestination } from '../../../routing/route-model.ts'
import type { ClusterSettings } from './cluster-settings.ts'
import type { ClusterUse, ClusterUses, SubsetValues } from './clusters.ts'
import { errorAt, warningAt } from './findings.ts'
import { requestEdits, responseEdits } from './header-edits.ts'
import type { ResolvedUpstream } from './upstream.ts'

/** What destinations may name. */
export interface Targets {
  upstream(key: ObjectKey): ResolvedUpstream | { readonly missing: string }
  service(key: ObjectKey, port: number): ResolvedUpstream | { readonly missing: string }
  readonly clusters: ClusterUses
}

export interface CompiledDestination {
  /** For messages. */
  readonly title: string
  /** How it wants its endpoints used. */
  readonly settings: ClusterSettings
  readonly destination: ModelDestination
  readonly diagnostics: readonly Diagnostic[]
  /** Host names behind it, for `autoHostRewrite`. */
  readonly hostNames: readonly string[]
}

type DestinationEdits = Pick<Extract<ModelDestination, { kind: 'cluster' }>, 'requestHeaders' | 'responseHeaders'>

export interface Place {
  readonly path: string
  /** Namespace of the object that names somebody. */
  readonly namespace: string
}

export function compileWeighted(
  targets: Targets,
  place: Place,
  { destination = {}, weight = 0, options = {} }: WeightedDestination,
): CompiledDestination {
  const target = findTarget(targets, place, destination)
  if ('missing' in target) return missing(target, weight)
  const subset = destination.subset?.values ?? {}
  const isWhole = Object.keys(subset).length === 0 || target.upstream.subsetSpec === undefined
  const cluster = targets.clusters.use(target.upstream, isWhole ? undefined : subset)
  const path = `${place.path}.subset.values`
  const findings = checkSubset(path, target.upstream, subset)
  const isSilent = isWhole || weight === 0 || findings.length > 0
  return {
    title: target.upstream.title,
    settings: target.upstream.settings,
    destination: { kind: 'cluster', cluster: cluster.name, weight, ...editsOf(options) },
    diagnostics: isSilent ? findings : checkEmptiness(path, targets, cluster),
    hostNames: target.upstream.hostNames,
  }
}

function editsOf({ headerManipulation }: NonNullable<WeightedDestination['options']>): DestinationEdits {
  const requestHeaders = requestEdits([headerManipulation])
  const responseHeaders = responseEdits([headerManipulation])
  return {
    ...(requestHeaders === undefined ? {} : { requestHeaders }),
    ...(responseHeaders === undefined ? {} : { responseHeaders }),
  }
}

interface Missing {
  readonly missing: string
  readonly path: string
  readonly code: string
}

type Target = { readonly upstream: ResolvedUpstream } | Missing

function findTarget(targets: Targets, { path, namespace }: Place, { upstream, kube }: Destination): Target {
  if (upstream !== undefined) {
    const found = targets.upstream(objectKey(upstream.namespace ?? namespace, upstream.name ?? ''))
    return 'missing' in found ? { ...found, path: `${path}.upstream`, code: 'unknown-upstream' } : { upstream: found }
  }
  const key = objectKey(kube?.ref?.namespace ?? namespace, kube?.ref?.name ?? '')
  const found = targets.service(key, kube?.port ?? 0)
  return 'missing' in found ? { ...found, path: `${path}.kube`, code: 'unknown-service' } : { upstream: found }
}

function missing({ missing: reason, path, code }: Missing, weight: number): CompiledDestination {
  return {
    title: reason,
    settings: {},
    destination: { kind: 'invalid', status: 503, reason, weight },
    diagnostics: [warningAt(path, code, `${reason}: its share of the requests answers 503`)],
    hostNames: [],
  }
}

/** The keys must be those of a selector, as a set; an Upstream without subsets just has none (Gloo: a warning). */
function checkSubset(path: string, { title, subsetSpec }: ResolvedUpstream, subset: SubsetValues): Diagnostic[] {
  const keys = Object.keys(subset)
  if (keys.length === 0) return []
  if (subsetSpec === undefined) {
    const message = `Cannot choose a subset of ${title}: it has no subsetSpec, so requests reach all its endpoints`
    return [warningAt(path, 'no-subset-spec', message)]
  }
  const selectors = (subsetSpec.selectors ?? []).map((selector) => selector.keys ?? [])
  if (selectors.some((selector) => isSameSet(selector, keys))) return []
  const known = selectors.map((selector) => `[${selector.join(', ')}]`).join(', ')
  const message = `Cannot choose a subset of ${title} by [${keys.join(', ')}]: its selectors are ${known === '' ? 'none' : known}`
  return [errorAt(path, 'unknown-subset', message)]
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key) => b.includes(key))
}

/** Said before traffic goes astray: who routes to a version wants that version. */
function checkEmptiness(path: string, { clusters }: Targets, cluster: ClusterUse): Diagnostic[] {
  if (!clusters.isEmpty(cluster)) return []
  const { subsetSpec } = cluster.upstream
  const values = Object.entries(cluster.subset ?? {}).map(([key, value]) => `${key}=${value}`)
  const policy = fallbackPolicy(subsetSpec?.fallbackPolicy) ?? 'ANY_ENDPOINT'
  const outcome = {
    ANY_ENDPOINT: 'its requests reach other versions (fallbackPolicy ANY_ENDPOINT)',
    DEFAULT_SUBSET: 'its requests reach the default subset (fallbackPolicy DEFAULT_SUBSET)',
    NO_FALLBACK: 'its requests answer 503 (fallbackPolicy NO_FALLBACK)',
  }[policy]
  return [warningAt(path, 'empty-subset', `No ready endpoint has ${values.join(', ')}: ${outcome}`)]
}
