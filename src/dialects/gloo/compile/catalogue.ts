/**
 * All Upstreams, and what each name means to a VirtualService. An Upstream with errors serves as some accepted VirtualService
 * last used it.
 */
import { isSameJson } from '../../../kube/json-value.ts'
import { defined } from '../../../base/assert.ts'
import type { Family } from '../../../base/derivations.ts'
import type { Diagnostic } from '../../../base/diagnostic.ts'
import { hasErrors } from '../../../base/diagnostic.ts'
import type { Upstream, UpstreamSpec } from '../kinds/upstream.ts'
import { unsupportedInUpstream, upstreamErrors } from '../kinds/upstream.ts'
import type { ObjectKey } from '../../../kube/object.ts'
import { splitKey } from '../../../kube/object.ts'
import type { Endpoint } from '../../../routing/cluster-model.ts'
import type { SourceGeneration } from '../../../routing/model.ts'
import { byText } from '../../../routing/object-reference.ts'
import type { ObjectReport } from '../../../routing/part.ts'
import type { LastGood } from '../../last-good.ts'
import type { Objects } from '../../objects.ts'
import { reportOn, sourceOf } from '../../references.ts'
import { acceptedFrom } from './accepted.ts'
import type { UsedUpstream, UsedUpstreams } from './accepted.ts'
import type { ClusterUse, ClusterUses } from './clusters.ts'
import { clusterOf, createClusterUses, endpointsIn } from './clusters.ts'
import type { Targets } from './destinations.ts'
import { fromFieldErrors } from './findings.ts'
import { findClusterProblems } from './problems.ts'
import type { ResolvedUpstream, Surroundings } from './upstream.ts'
import { backendsBehind, emptinessOf, resolveService, resolveUpstream } from './upstream.ts'
import { upstreamWatch } from './watches.ts'

/** What one VirtualService sees while it is compiled. */
export interface View {
  readonly targets: Targets
  /** The Upstreams that were asked for and are there, by key. */
  readonly used: () => UsedUpstreams
  readonly clusters: ClusterUses
}

/** An Upstream as it stands, without its endpoints. */
interface Entry {
  readonly diagnostics: readonly Diagnostic[]
  /** Absent: rejected, and nothing has used it before. */
  readonly serving?: { readonly record: UsedUpstream; readonly resolved: ResolvedUpstream }
}

type Serving = NonNullable<Entry['serving']>

export interface UpstreamResult {
  readonly report: ObjectReport
  /** Absent: it does not serve. */
  readonly source?: SourceGeneration
  /** The cluster of all its endpoints; none where it does not serve. */
  readonly clusters: readonly ClusterUse[]
}

export class Catalogue {
  readonly #objects: Objects
  readonly #around: Surroundings
  readonly #lastGood: LastGood
  readonly #entries: Family<Entry | undefined>
  /** Rejected ones are served as others last used them, which changes without a word to us. */
  readonly #rejected = new Set<string>()

  constructor(objects: Objects, around: Surroundings, lastGood: LastGood) {
    this.#objects = objects
    this.#around = around
    this.#lastGood = lastGood
    this.#entries = objects.derivations.family((key) => this.#examine(key as ObjectKey), isSameJson)
  }

  /** To be called before each compilation. */
  begin(): void {
    for (const key of this.#rejected) this.#entries.invalidate(key)
    this.#rejected.clear()
  }

  /** To be remembered by whoever asks. */
  result(object: Upstream, key: ObjectKey): UpstreamResult {
    const entry = defined(this.#entries.get(key), 'entry of an Upstream')
    const subject = reportOn(object)
    const { serving } = entry
    const isOwn = serving?.record.generation === subject.generation
    const empty = isOwn ? emptinessOf(this.#around.backends, serving.resolved.endpoints) : []
    const report = { ...subject, diagnostics: [...entry.diagnostics, ...empty] }
    if (serving === undefined) return { report, clusters: [] }
    const served = serving.record.generation
    return {
      report: { ...report, served },
      source: { ...sourceOf(object), generation: served },
      clusters: [{ name: serving.resolved.cluster, upstream: serving.resolved }],
    }
  }

  /** With `pinned`, these Upstreams as they were, and no others. */
  view(pinned?: UsedUpstreams): View {
    const used = new Map<ObjectKey, UsedUpstream>()
    const clusters = createClusterUses((use) => this.endpointsOf(use))
    const targets: Targets = {
      clusters,
      upstream: (key) => {
        const entry = this.#entries.get(key)
        const serving = pinned === undefined ? entry?.serving : this.#pinned(key, pinned[key], entry)
        if (serving === undefined) return { missing: whyMissing(key, entry) }
        used.set(key, serving.record)
        return serving.resolved
      },
      service: (key, port) => {
        if (this.#around.backends.service(key) === undefined) return { missing: `Cannot find Service "${key}"` }
        const resolved = resolveService(this.#around.backends, key, port)
        return resolved ?? { missing: `Cannot find port ${port} of Service "${key}"` }
      },
    }
    return { targets, clusters, used: () => Object.fromEntries([...used].toSorted(([a], [b]) => byText(a, b))) }
  }

  endpointsOf(use: ClusterUse): readonly Endpoint[] {
    return endpointsIn(use, backendsBehind(this.#around.backends, use.upstream.endpoints))
  }

  #examine(key: ObjectKey): Entry | undefined {
    const object = this.#objects.get(upstreamWatch, key)
    if (object === undefined) return undefined
    const own = [...fromFieldErrors(upstreamErrors(object)), ...unsupportedInUpstream(object)]
    const current = hasErrors(own) ? undefined : this.#resolveNow(key, object)
    const problems = current === undefined ? [] : problemsOf(current)
    const diagnostics = [...own, ...(current?.resolved.diagnostics ?? []), ...problems]
    if (!hasErrors(diagnostics)) return { diagnostics, ...(current === undefined ? {} : { serving: current }) }
    this.#rejected.add(key)
    const serving = this.#lastUsable(key, object) ?? (problems.length === 0 ? current : undefined)
    return { diagnostics, ...(serving === undefined ? {} : { serving }) }
  }

  #resolveNow(key: ObjectKey, object: Upstream): Serving {
    const { uid, generation } = sourceOf(object)
    const spec = object.spec ?? {}
    return { record: { uid, generation, spec }, resolved: this.#resolve(key, spec, '') }
  }

  /** The newest form of it that an accepted VirtualService used and that still works. */
  #lastUsable(key: ObjectKey, object: Upstream): Serving | undefined {
    const records = [...this.#lastGood.all()]
      .flatMap((accepted) => acceptedFrom(accepted)?.upstreams[key] ?? [])
      .filter(({ uid }) => uid === object.metadata.uid)
      .toSorted((a, b) => b.generation - a.generation)
    return records
      .map((record) => this.#resolveOld(key, record))
      .find((old) => !hasErrors(old.resolved.diagnostics) && problemsOf(old).length === 0)
  }

  /** A pinned Upstream in its old form, under the usual name where that is what is served anyway. */
  #pinned(key: ObjectKey, record: UsedUpstream | undefined, entry: Entry | undefined): Serving | undefined {
    if (record === undefined) return undefined
    const now = entry?.serving
    if (now?.record.uid === record.uid && now.record.generation === record.generation) return now
    const serving = this.#resolveOld(key, record)
    return problemsOf(serving).length === 0 ? serving : undefined
  }

  /** Its clusters have names of their own: the current form may be in use beside it. */
  #resolveOld(key: ObjectKey, record: UsedUpstream): Serving {
    return { record, resolved: this.#resolve(key, record.spec, `@${record.generation}`) }
  }

  #resolve(key: ObjectKey, spec: UpstreamSpec, suffix: string): ResolvedUpstream {
    const { namespace = '', name } = splitKey(key)
    return resolveUpstream(this.#around, { namespace, name, cluster: `${baseName(namespace, name)}${suffix}` }, spec)
  }
}

function whyMissing(key: ObjectKey, entry: Entry | undefined): string {
  return entry === undefined ? `Cannot find Upstream "${key}"` : `Cannot use Upstream "${key}": it is rejected`
}

/** What a data plane would refuse is never served, or it would refuse everything. */
function problemsOf({ resolved }: Serving): readonly Diagnostic[] {
  const endpoints = resolved.endpoints.kind === 'static' ? resolved.endpoints.endpoints : []
  const cluster = clusterOf({ name: resolved.cluster, upstream: resolved }, endpoints)
  return [...resolved.problems, ...findClusterProblems(cluster)]
}

/** As Gloo names its clusters. Neither part can hold an underscore. */
function baseName(namespace: string, name: string): string {
  return `${name}_${namespace}`
}
