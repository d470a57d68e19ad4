/**
 * The parts of all routing languages as one snapshot. Where two claims meet, one documented order decides (docs/guide/conflicts.md):
 * the narrower scope, then the older object, then the name that comes first. Who loses hears of it, and by whom.
 */
import type { Diagnostic } from '../base/diagnostic.ts'
import { formatDiagnostic } from '../base/diagnostic.ts'
import type { Cluster } from './cluster-model.ts'
import type { RoutingSnapshot, SourceGeneration } from './model.ts'
import { byText } from './object-reference.ts'
import type { Claimant, HostClaim, ObjectReport, RoutingPart } from './part.ts'
import { mergeListeners } from './merge/listeners.ts'
import { RouteTables, scopeKey } from './merge/route-tables.ts'

export type SnapshotContent = Omit<RoutingSnapshot, 'generation'>

export interface Merged {
  readonly content: SnapshotContent
  /** One for each object of all parts, by `referenceText`. */
  readonly reports: ReadonlyMap<string, ObjectReport>
  /** The claimants of all that is served. */
  readonly served: readonly Claimant[]
}

/** Pure, but for remembering what it made of the same claims before, so that what did not change stays the same object. */
export function createMerge(): (parts: readonly RoutingPart[]) => Merged {
  const memory = { tables: new RouteTables(), places: new ClaimPlaces() }
  return (parts) => merge(parts, memory)
}

interface Memory {
  readonly tables: RouteTables
  readonly places: ClaimPlaces
}

function merge(parts: readonly RoutingPart[], memory: Memory): Merged {
  const { tables } = memory
  const verdicts = new Verdicts(parts)
  const listeners = mergeListeners(parts.flatMap((part) => part.listeners))
  for (const { claimant, diagnostic } of listeners.conflicts) verdicts.tell(claimant, diagnostic)
  const owners = new Map<string, HostClaim>()
  const claimants: Claimant[] = []
  tables.begin()
  for (const claim of parts.flatMap((part) => part.hosts).toSorted(byRank)) {
    const served = settle(claim, owners, memory, verdicts)
    if (served !== undefined) claimants.push(...served.claimants)
  }
  const { routeTables, listeners: served } = tables.finish(listeners.claims)
  return {
    content: { sources: sourcesOf(parts, claimants), listeners: served, routeTables, clusters: clustersOf(parts) },
    reports: verdicts.reports(),
    served: claimants,
  }
}

/** An object with several claims is there once. */
function sourcesOf(parts: readonly RoutingPart[], claimants: readonly Claimant[]): readonly SourceGeneration[] {
  const byUid = new Map(claimants.map(({ source }) => [source.uid, source]))
  return [...parts.flatMap((part) => part.sources), ...byUid.values()]
}

/** What is served of the claim: the claim, what it says is to be served in its place, or nothing. */
function settle(
  claim: HostClaim,
  owners: Map<string, HostClaim>,
  memory: Memory,
  verdicts: Verdicts,
): HostClaim | undefined {
  const { lost, isWhollyLost } = take(claim, owners, memory)
  if (lost.length === 0) return claim
  const severity = isWhollyLost ? 'error' : 'warning'
  verdicts.tellAll(
    claim,
    lost.map((each) => conflict(claim, each, severity)),
  )
  if (!isWhollyLost) return claim
  const { instead } = claim
  if (instead === undefined) {
    verdicts.serve(claim, undefined)
    return undefined
  }
  const second = take(instead, owners, memory)
  verdicts.serve(claim, second.isWhollyLost ? undefined : instead)
  if (!second.isWhollyLost) return instead
  verdicts.tellAll(
    claim,
    second.lost.map((each) => lostBecause(instead, conflict(instead, each, 'error'))),
  )
  return undefined
}

/** Where claims may meet: a text for each scope and domain, made once for each claim. */
class ClaimPlaces {
  readonly #places = new WeakMap<HostClaim, readonly ScopePlaces[]>()

  of(claim: HostClaim): readonly ScopePlaces[] {
    const known = this.#places.get(claim)
    if (known !== undefined) return known
    const places = claim.scopes.map((each) => {
      const scope = scopeKey(each)
      return { scope, domains: claim.host.domains.map((domain) => `${scope} ${domain.toLowerCase()}`) }
    })
    this.#places.set(claim, places)
    return places
  }
}

interface ScopePlaces {
  readonly scope: string
  /** In the order of the host's domains. */
  readonly domains: readonly string[]
}

interface LostDomain {
  readonly index: number
  readonly winner: HostClaim
}

function take(
  claim: HostClaim,
  owners: Map<string, HostClaim>,
  { tables, places }: Memory,
): { readonly lost: readonly LostDomain[]; readonly isWhollyLost: boolean } {
  const lost = new Map<number, LostDomain>()
  let isWhollyLost = true
  for (const { scope, domains } of places.of(claim)) {
    const kept = claim.host.domains.filter((_, index) => {
      const place = domains[index] ?? ''
      const winner = owners.get(place)
      if (winner === undefined) owners.set(place, claim)
      else if (winner !== claim) lost.set(index, { index, winner })
      return winner === undefined || winner === claim
    })
    if (kept.length === 0) continue
    isWhollyLost = false
    tables.add(scope, claim.host, kept)
  }
  return { lost: [...lost.values()].toSorted((a, b) => a.index - b.index), isWhollyLost }
}

function conflict(claim: HostClaim, { index, winner }: LostDomain, severity: Diagnostic['severity']): Diagnostic {
  const domain = claim.host.domains[index] ?? ''
  const owner = winner.claimants.map(({ text }) => text).join(', ')
  const message = `Cannot serve domain "${domain}": ${owner} ${whyFirst(claim, winner)} and has it`
  return { severity, code: 'conflicted', path: claim.domainPaths[index] ?? '', message }
}

function whyFirst({ claimants: [loser] }: HostClaim, { claimants: [winner] }: HostClaim): string {
  return winner?.createdAt === loser?.createdAt ? 'is as old, comes first by name' : 'is older'
}

function lostBecause({ claimants: [first] }: HostClaim, error: Diagnostic): Diagnostic {
  const message = `Cannot go on serving generation ${first?.source.generation ?? 0}: ${formatDiagnostic(error)}`
  return { ...error, path: '', message }
}

function byRank(a: HostClaim, b: HostClaim): number {
  const [x, y] = [a.claimants[0], b.claimants[0]]
  if (x === undefined || y === undefined) return 0
  return (
    byText(x.createdAt, y.createdAt) ||
    byText(x.source.namespace, y.source.namespace) ||
    byText(x.source.name, y.source.name) ||
    byText(x.source.group, y.source.group) ||
    byText(x.source.kind, y.source.kind)
  )
}

/** Reports as the languages wrote them, with what merging found out. */
class Verdicts {
  readonly #reports: Map<string, ObjectReport>

  constructor(parts: readonly RoutingPart[]) {
    this.#reports = new Map()
    for (const { reports } of parts) for (const report of reports) this.#reports.set(report.text, report)
  }

  reports(): ReadonlyMap<string, ObjectReport> {
    return this.#reports
  }

  /** Paths are those of the first claimant. */
  tellAll({ claimants }: HostClaim, diagnostics: readonly Diagnostic[]): void {
    for (const [index, claimant] of claimants.entries()) {
      for (const diagnostic of diagnostics) this.tell(claimant, index === 0 ? diagnostic : { ...diagnostic, path: '' })
    }
  }

  tell({ text }: Claimant, diagnostic: Diagnostic): void {
    this.#change(text, (report) => ({ ...report, diagnostics: [...report.diagnostics, diagnostic] }))
  }

  /** What is served of the claim's objects, where it is not the claim itself. */
  serve({ claimants }: HostClaim, instead: HostClaim | undefined): void {
    for (const { source, text } of claimants) {
      const old = instead?.claimants.find((other) => other.source.uid === source.uid)?.source.generation
      this.#change(text, (report) => withServed(report, old))
    }
  }

  #change(text: string, change: (report: ObjectReport) => ObjectReport): void {
    const report = this.#reports.get(text)
    if (report !== undefined) this.#reports.set(text, change(report))
  }
}

function withServed(report: ObjectReport, served: number | undefined): ObjectReport {
  const { served: _, ...rest } = report
  return served === undefined ? rest : { ...rest, served }
}

/** The first of a name stays. */
function clustersOf(parts: readonly RoutingPart[]): readonly Cluster[] {
  const [only, ...others] = parts.filter(({ clusters }) => clusters.length > 0)
  if (only === undefined || others.length === 0) return only?.clusters ?? []
  const byName = new Map<string, Cluster>()
  for (const cluster of parts.flatMap(({ clusters }) => clusters)) {
    if (!byName.has(cluster.name)) byName.set(cluster.name, cluster)
  }
  return [...byName.values()]
}
