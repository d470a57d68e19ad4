/**
 * Gloo's objects as parts of the routing model. Pure, deterministic, and independent of the order of its input.
 *
 * A bad update never replaces the last good one: a VirtualService with errors is served as it was last accepted, with
 * today's Upstreams or, where it no longer fits them, with those it was accepted with. Upstreams with errors are
 * served as some accepted VirtualService last used them.
 */
import type { Diagnostic } from '../../base/diagnostic.ts'
import { formatDiagnostic, hasErrors } from '../../base/diagnostic.ts'
import type { Upstream } from '../../kinds/gloo-upstream.ts'
import type { VirtualService, VirtualServiceSpec } from '../../kinds/gloo-virtual-service.ts'
import type { ObjectKey } from '../../kube/object.ts'
import { keyOf, objectKey } from '../../kube/object.ts'
import type { Cluster } from '../../routing/cluster-model.ts'
import type { SourceGeneration } from '../../routing/model.ts'
import type { VirtualHost } from '../../routing/route-model.ts'
import type { ServiceObjects } from '../backends.ts'
import { indexBackends } from '../backends.ts'
import type { ObjectReport } from '../dialect.ts'
import { byAge, byText, referenceTo, sourceOf } from '../dialect.ts'
import { createCatalogue } from './compile/catalogue.ts'
import type { Catalogue, UsedUpstreams } from './compile/catalogue.ts'
import { createTlsSecrets } from './compile/tls-secrets.ts'
import type { TlsFiles, TlsFilesByKey, TlsSources } from './compile/tls-secrets.ts'
import type { CompiledHost } from './compile/virtual-service.ts'
import { compileVirtualService } from './compile/virtual-service.ts'

export interface GlooInput extends ServiceObjects, TlsSources {
  readonly upstreams: readonly Upstream[]
  readonly virtualServices: readonly VirtualService[]
  /** What was accepted last, by key of the VirtualService. */
  readonly accepted: AcceptedVirtualServices
}

export type { TlsFiles, TlsFilesByKey }
export type AcceptedVirtualServices = ReadonlyMap<ObjectKey, AcceptedVirtualService>

/** Enough to compile the same routes again, whatever has become of the objects. */
export interface AcceptedVirtualService {
  readonly uid: string
  readonly generation: number
  readonly spec: VirtualServiceSpec
  /** The Upstreams it used, by key. */
  readonly upstreams: UsedUpstreams
}

export interface GlooOutput {
  /** Oldest object first. */
  readonly virtualHosts: readonly VirtualHost[]
  readonly clusters: readonly Cluster[]
  /** What the output contains, in the generation it contains. */
  readonly sources: readonly SourceGeneration[]
  /** One per Upstream and VirtualService of the input. */
  readonly reports: readonly ObjectReport[]
  /** To be given to the next compilation; objects that are gone are gone from here. */
  readonly accepted: AcceptedVirtualServices
  /** The same for Secrets. Has private keys in it: to be kept in memory only. */
  readonly tlsFiles: TlsFilesByKey
}

export function compileGloo(input: GlooInput): GlooOutput {
  const tlsSecrets = createTlsSecrets(input)
  const catalogue = createCatalogue({ ...indexBackends(input), tlsSecrets }, input.upstreams, input.accepted)
  const owners = new Map<string, string>()
  const served = input.virtualServices.toSorted(byAge).map((object) => {
    const result = serve(catalogue, owners, object, input.accepted.get(keyOf(object)))
    for (const domain of result.virtualHost?.domains ?? []) owners.set(domain.toLowerCase(), keyOf(object))
    return result
  })
  return {
    virtualHosts: served.flatMap(({ virtualHost }) => virtualHost ?? []),
    clusters: catalogue.clusters.all(),
    sources: [...catalogue.sources(), ...served.flatMap(({ source }) => source ?? [])].toSorted(bySource),
    reports: [...catalogue.reports(), ...served.map(({ report }) => report)].toSorted((a, b) =>
      bySource(a.object, b.object),
    ),
    accepted: new Map(served.flatMap(acceptedEntry)),
    tlsFiles: tlsSecrets.used(),
  }
}

interface Served {
  readonly virtualHost?: VirtualHost
  readonly source?: SourceGeneration
  readonly report: ObjectReport
  readonly accepted?: AcceptedVirtualService
}

type Owners = ReadonlyMap<string, string>

function serve(
  catalogue: Catalogue,
  owners: Owners,
  object: VirtualService,
  before: AcceptedVirtualService | undefined,
): Served {
  const { uid, generation } = sourceOf(object)
  const now = attempt(catalogue, owners, object)
  const report = { object: referenceTo(object), uid, generation, diagnostics: now.diagnostics }
  if (!hasErrors(now.diagnostics)) {
    const accepted = { uid, generation, spec: object.spec ?? {}, upstreams: now.used }
    return { ...hostOf(now), source: sourceOf(object), report: { ...report, served: generation }, accepted }
  }
  // A namesake that was made anew begins with nothing.
  if (before === undefined || before.uid !== uid) return { report }
  const old = lastGood(catalogue, owners, object, before)
  if (hasErrors(old.diagnostics)) {
    const diagnostics = [...report.diagnostics, ...old.diagnostics.filter(isError).map(lostBecause(before.generation))]
    return { report: { ...report, diagnostics }, accepted: before }
  }
  const source = { ...sourceOf(object), generation: before.generation }
  return { ...hostOf(old), source, report: { ...report, served: before.generation }, accepted: before }
}

interface Attempt extends CompiledHost {
  readonly used: UsedUpstreams
}

function attempt(catalogue: Catalogue, owners: Owners, object: VirtualService, pinned?: UsedUpstreams): Attempt {
  const view = catalogue.view(pinned)
  const host = compileVirtualService(view.targets, owners, object)
  if (!hasErrors(host.diagnostics)) view.commit()
  return { ...host, used: view.used() }
}

/** With today's Upstreams where that works, else with those of the time; errors in it: neither works. */
function lastGood(
  catalogue: Catalogue,
  owners: Owners,
  object: VirtualService,
  before: AcceptedVirtualService,
): Attempt {
  const old = { ...object, spec: before.spec, metadata: { ...object.metadata, generation: before.generation } }
  const result = attempt(catalogue, owners, old)
  return hasErrors(result.diagnostics) ? attempt(catalogue, owners, old, before.upstreams) : result
}

function isError({ severity }: Diagnostic): boolean {
  return severity === 'error'
}

/** Only a domain that an older object has taken can do that: nothing is served, and that must be said. */
function lostBecause(generation: number): (error: Diagnostic) => Diagnostic {
  return (error) => ({
    ...error,
    path: '',
    message: `Cannot go on serving generation ${generation}: ${formatDiagnostic(error)}`,
  })
}

function hostOf({ virtualHost }: CompiledHost): Pick<Served, 'virtualHost'> {
  return virtualHost === undefined ? {} : { virtualHost }
}

function acceptedEntry({ report, accepted }: Served): [ObjectKey, AcceptedVirtualService][] {
  return accepted === undefined ? [] : [[objectKey(report.object.namespace, report.object.name), accepted]]
}

function bySource(a: { kind: string; namespace: string; name: string }, b: typeof a): number {
  return byText(a.kind, b.kind) || byText(a.namespace, b.namespace) || byText(a.name, b.name)
}
