/**
 * Gloo's objects as parts of the routing model. Deterministic, and independent of the order in which objects came.
 *
 * A bad update never replaces the last good one: a VirtualService with errors is served as it was last accepted, with
 * today's Upstreams or, where it no longer fits them, with those it was accepted with. Upstreams with errors are
 * served as some accepted VirtualService last used them.
 */
import { defined } from '../../base/assert.ts'
import type { Family } from '../../base/derivations.ts'
import { hasErrors } from '../../base/diagnostic.ts'
import type { VirtualService } from './kinds/virtual-service.ts'
import type { ObjectKey } from '../../kube/object.ts'
import type { HostClaim, ObjectReport, RoutingPart, Scope } from '../../routing/part.ts'
import { GATEWAY_HTTP } from '../gateway.ts'
import { perObject } from '../per-object.ts'
import type { PerObject } from '../per-object.ts'
import { claimantOf, referenceTo, reportOn, sourceOf } from '../references.ts'
import type { Compiler, DialectContext } from '../routing-dialect.ts'
import { TlsSecrets } from '../tls-secrets.ts'
import { acceptedFrom } from './compile/accepted.ts'
import type { AcceptedVirtualService, UsedUpstreams } from './compile/accepted.ts'
import { Catalogue } from './compile/catalogue.ts'
import type { UpstreamResult } from './compile/catalogue.ts'
import { ClusterResults } from './compile/cluster-results.ts'
import type { ClusterUse } from './compile/clusters.ts'
import type { CompiledHost } from './compile/virtual-service.ts'
import { compileVirtualService } from './compile/virtual-service.ts'
import { upstreamWatch, virtualServiceWatch } from './compile/watches.ts'

const SCOPES: readonly Scope[] = [{ kind: 'gateway', listener: GATEWAY_HTTP }]

export function openGloo(context: DialectContext): Compiler {
  return new GlooCompiler(context)
}

/** One look at a VirtualService, in one of its forms. */
interface Attempt extends CompiledHost {
  readonly clusters: readonly ClusterUse[]
  /** What is kept of it once it is served. */
  readonly record: AcceptedVirtualService
}

interface Result {
  readonly report: ObjectReport
  readonly claim?: HostClaim
  readonly clusters: readonly ClusterUse[]
}

class GlooCompiler implements Compiler {
  readonly #context: DialectContext
  readonly #catalogue: Catalogue
  readonly #clusters: ClusterResults
  readonly #upstreams: PerObject<UpstreamResult>
  readonly #hosts: PerObject<Result>
  readonly #now: Family<Attempt | undefined>
  readonly #old: Family<Attempt | undefined>

  constructor(context: DialectContext) {
    this.#context = context
    const { objects, backends, lastGood, judgeTls } = context
    this.#catalogue = new Catalogue(objects, { backends, tlsSecrets: new TlsSecrets(objects, judgeTls) }, lastGood)
    this.#clusters = new ClusterResults(objects.derivations, (use) => this.#catalogue.endpointsOf(use))
    this.#upstreams = perObject(
      objects,
      upstreamWatch,
      (object, key) => this.#catalogue.result(object, key),
      (report) => ({ report, clusters: [] }),
    )
    this.#hosts = perObject(
      objects,
      virtualServiceWatch,
      (object, key) => this.#resultOf(object, key),
      (report) => ({ report, clusters: [] }),
    )
    this.#now = objects.derivations.family((key) => this.#attemptNow(key as ObjectKey))
    this.#old = objects.derivations.family((key) => this.#attemptOld(key as ObjectKey))
  }

  compile(): RoutingPart {
    this.#catalogue.begin()
    const [upstreams, hosts] = [this.#upstreams.all(), this.#hosts.all()]
    return {
      hosts: hosts.flatMap(({ claim }) => claim ?? []),
      listeners: [],
      clusters: this.#clusters.all([...upstreams, ...hosts].map(({ clusters }) => clusters)),
      sources: upstreams.flatMap(({ source }) => source ?? []),
      reports: [...upstreams, ...hosts].map(({ report }) => report),
    }
  }

  #resultOf(object: VirtualService, key: ObjectKey): Result {
    const now = defined(this.#now.get(key), 'attempt at a VirtualService')
    const report = { ...reportOn(object), diagnostics: now.diagnostics }
    const { generation } = report
    const old = this.#lastGoodOf(object, key)
    if (hasErrors(now.diagnostics)) {
      if (old === undefined) return { report, clusters: [] }
      return { report: { ...report, served: old.generation }, clusters: old.clusters, claim: old.claim }
    }
    const instead = old === undefined || old.generation === generation ? undefined : old
    return {
      report: { ...report, served: generation },
      claim: { ...claimOf(object, now), ...(instead === undefined ? {} : { instead: instead.claim }) },
      clusters: [...now.clusters, ...(instead?.clusters ?? [])],
    }
  }

  /** What is served of the object where its present form is not; undefined: nothing. */
  #lastGoodOf(
    object: VirtualService,
    key: ObjectKey,
  ): { readonly claim: HostClaim; readonly generation: number; readonly clusters: readonly ClusterUse[] } | undefined {
    const before = this.#acceptedOf(object)
    if (before === undefined) return undefined
    const old = this.#old.get(key)
    if (old?.virtualHost === undefined || hasErrors(old.diagnostics)) return undefined
    return { claim: claimOf(object, old), generation: before.generation, clusters: old.clusters }
  }

  #attemptNow(key: ObjectKey): Attempt | undefined {
    const object = this.#context.objects.get(virtualServiceWatch, key)
    return object === undefined ? undefined : this.#attempt(object)
  }

  /** With today's Upstreams where that works, else with those of the time; errors in it: neither works. */
  #attemptOld(key: ObjectKey): Attempt | undefined {
    const object = this.#context.objects.get(virtualServiceWatch, key)
    const before = object === undefined ? undefined : this.#acceptedOf(object)
    if (object === undefined || before === undefined) return undefined
    const { spec, generation, upstreams } = before
    const old = { ...object, spec, metadata: { ...object.metadata, generation } }
    const result = this.#attempt(old)
    return { ...(hasErrors(result.diagnostics) ? this.#attempt(old, upstreams) : result), record: before }
  }

  #attempt(object: VirtualService, pinned?: UsedUpstreams): Attempt {
    const { targets, clusters, used } = this.#catalogue.view(pinned)
    const host = compileVirtualService(targets, object)
    const { uid, generation } = sourceOf(object)
    const record = { uid, generation, spec: object.spec ?? {}, upstreams: used() }
    return { ...host, clusters: clusters.all(), record }
  }

  /** A namesake that was made anew begins with nothing. */
  #acceptedOf(object: VirtualService): AcceptedVirtualService | undefined {
    const accepted = this.#context.lastGood.get(referenceTo(object))
    return accepted === undefined || accepted.uid !== object.metadata.uid ? undefined : acceptedFrom(accepted)
  }
}

function claimOf(object: VirtualService, { virtualHost, domainPaths, record }: Attempt): HostClaim {
  return {
    claimants: [claimantOf(object, record.generation, record)],
    scopes: SCOPES,
    host: defined(virtualHost, 'virtual host of a VirtualService without errors'),
    domainPaths,
  }
}
