/** All Upstreams of one compilation, and what each name means to a VirtualService that is being compiled. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import { hasErrors } from '../../../base/diagnostic.ts'
import type { Upstream, UpstreamSpec } from '../../../kinds/gloo-upstream.ts'
import { unsupportedInUpstream, upstreamErrors } from '../../../kinds/gloo-upstream.ts'
import type { ObjectKey } from '../../../kube/object.ts'
import { keyOf, splitKey } from '../../../kube/object.ts'
import type { SourceGeneration } from '../../../routing/model.ts'
import type { ObjectReport } from '../../dialect.ts'
import { byText, referenceTo, sourceOf } from '../../dialect.ts'
import type { Clusters } from './clusters.ts'
import { createClusters } from './clusters.ts'
import type { Targets } from './destinations.ts'
import { fromFieldErrors } from './findings.ts'
import { findClusterProblems } from './problems.ts'
import type { ResolvedUpstream, Surroundings } from './upstream.ts'
import { resolveService, resolveUpstream } from './upstream.ts'

interface UsedUpstream {
  readonly uid: string
  readonly generation: number
  readonly spec: UpstreamSpec
}

/** By key. */
export type UsedUpstreams = Readonly<Record<string, UsedUpstream>>

export interface Catalogue {
  /** What the committed views and the Upstreams themselves need. */
  readonly clusters: Clusters
  /** Upstreams that are served, in the generation that is. */
  sources(): readonly SourceGeneration[]
  reports(): readonly ObjectReport[]
  /** For one attempt at one VirtualService. With `pinned`, these Upstreams as they were, and no others. */
  view(pinned?: UsedUpstreams): View
}

interface View {
  readonly targets: Targets
  /** The Upstreams that were asked for and are there. */
  used(): UsedUpstreams
  /** The attempt succeeded: its clusters are part of the output. */
  commit(): void
}

interface Entry {
  readonly object: Upstream
  readonly diagnostics: readonly Diagnostic[]
  /** Absent: rejected, and nobody has used it before. */
  readonly serving?: { readonly record: UsedUpstream; readonly resolved: ResolvedUpstream }
}

export function createCatalogue(
  index: Surroundings,
  upstreams: readonly Upstream[],
  accepted: ReadonlyMap<ObjectKey, { readonly upstreams: UsedUpstreams }>,
): Catalogue {
  const entries = new Map(upstreams.map((object) => [keyOf(object), examine(index, object, accepted)]))
  const committed = createClusters()
  for (const { serving } of entries.values()) if (serving !== undefined) committed.use(serving.resolved)
  const all = [...entries.values()]
  return {
    clusters: committed,
    sources: () => all.flatMap(sourceFrom),
    reports: () => all.map(reportOn),
    view: (pinned) => createView({ index, entries, committed, ...(pinned === undefined ? {} : { pinned }) }),
  }
}

interface ViewParts {
  readonly index: Surroundings
  readonly entries: ReadonlyMap<ObjectKey, Entry>
  readonly committed: Clusters
  readonly pinned?: UsedUpstreams
}

function createView({ index, entries, committed, pinned }: ViewParts): View {
  const used = new Map<ObjectKey, UsedUpstream>()
  const clusters = createClusters()
  const targets: Targets = {
    clusters,
    upstream(key) {
      const entry = entries.get(key)
      const serving = pinned === undefined ? entry?.serving : asPinned(index, key, pinned[key], entry)
      if (serving === undefined) return { missing: whyMissing(key, entry) }
      used.set(key, serving.record)
      return serving.resolved
    },
    service(key, port) {
      const service = index.services.get(key)
      if (service === undefined) return { missing: `Cannot find Service "${key}"` }
      return resolveService(index, service, port) ?? { missing: `Cannot find port ${port} of Service "${key}"` }
    },
  }
  return {
    targets,
    used: () => Object.fromEntries([...used].toSorted(([a], [b]) => byText(a, b))),
    commit: () => clusters.all().forEach((cluster) => committed.add(cluster)),
  }
}

function whyMissing(key: ObjectKey, entry: Entry | undefined): string {
  return entry === undefined ? `Cannot find Upstream "${key}"` : `Cannot use Upstream "${key}": it is rejected`
}

type Serving = NonNullable<Entry['serving']>

/** A pinned Upstream in its old form, under the usual name where that is what is served anyway. */
function asPinned(
  index: Surroundings,
  key: ObjectKey,
  record: UsedUpstream | undefined,
  entry: Entry | undefined,
): Serving | undefined {
  if (record === undefined) return undefined
  const now = entry?.serving
  const isSame = now?.record.uid === record.uid && now.record.generation === record.generation
  if (isSame) return now
  const serving = { record, resolved: resolveOld(index, key, record) }
  return problemsOf(serving).length === 0 ? serving : undefined
}

function examine(
  index: Surroundings,
  object: Upstream,
  accepted: ReadonlyMap<ObjectKey, { readonly upstreams: UsedUpstreams }>,
): Entry {
  const own = [...fromFieldErrors(upstreamErrors(object)), ...unsupportedInUpstream(object)]
  const current = hasErrors(own) ? undefined : resolveNow(index, object)
  const problems = current === undefined ? [] : problemsOf(current)
  const diagnostics = [...own, ...(current?.resolved.diagnostics ?? []), ...problems]
  if (!hasErrors(diagnostics)) return { object, diagnostics, ...(current === undefined ? {} : { serving: current }) }
  const serving = lastUsable(index, object, accepted) ?? (problems.length === 0 ? current : undefined)
  return { object, diagnostics, ...(serving === undefined ? {} : { serving }) }
}

/** What a data plane would refuse is never served, or it would refuse everything. */
function problemsOf({ resolved }: Serving): readonly Diagnostic[] {
  return [...resolved.problems, ...findClusterProblems(createClusters().use(resolved))]
}

function resolveNow(index: Surroundings, object: Upstream): Serving {
  const { namespace, name, uid, generation } = sourceOf(object)
  const spec = object.spec ?? {}
  const resolved = resolveUpstream(index, { namespace, name, cluster: baseName(namespace, name) }, spec)
  return { record: { uid, generation, spec }, resolved }
}

/** The newest form of it that an accepted VirtualService used and that still works. */
function lastUsable(
  index: Surroundings,
  object: Upstream,
  accepted: ReadonlyMap<ObjectKey, { readonly upstreams: UsedUpstreams }>,
): Serving | undefined {
  const key = keyOf(object)
  const records = [...accepted.values()]
    .flatMap(({ upstreams }) => upstreams[key] ?? [])
    .filter(({ uid }) => uid === object.metadata.uid)
    .toSorted((a, b) => b.generation - a.generation)
  return records
    .map((record) => ({ record, resolved: resolveOld(index, key, record) }))
    .find((old) => !hasErrors(old.resolved.diagnostics) && problemsOf(old).length === 0)
}

/** Its clusters have names of their own: the current form may be in use beside it. */
function resolveOld(index: Surroundings, key: ObjectKey, { spec, generation }: UsedUpstream): ResolvedUpstream {
  const { namespace = '', name } = splitKey(key)
  const cluster = `${baseName(namespace, name)}@${generation}`
  return resolveUpstream(index, { namespace, name, cluster }, spec)
}

/** As Gloo names its clusters. Neither part can hold an underscore. */
function baseName(namespace: string, name: string): string {
  return `${name}_${namespace}`
}

function sourceFrom({ object, serving }: Entry): SourceGeneration[] {
  return serving === undefined ? [] : [{ ...sourceOf(object), generation: serving.record.generation }]
}

function reportOn({ object, diagnostics, serving }: Entry): ObjectReport {
  const { uid, generation } = sourceOf(object)
  const served = serving === undefined ? {} : { served: serving.record.generation }
  return { object: referenceTo(object), uid, generation, diagnostics, ...served }
}
