/**
 * What one routing language contributes to a snapshot: claims on hosts and listeners, and clusters. `merge` makes one snapshot
 * of the parts of all languages, and decides where two claims meet.
 */
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Cluster } from './cluster-model.ts'
import type { Listener } from './listener-model.ts'
import type { SourceGeneration } from './model.ts'
import type { ObjectReference } from './object-reference.ts'
import type { VirtualHost } from './route-model.ts'

/** Items that did not change since the last compilation are the same objects: publishing costs what changed. */
export interface RoutingPart {
  readonly hosts: readonly HostClaim[]
  readonly listeners: readonly ListenerClaim[]
  /** The same name is always the same cluster; a language's names begin with something of its own where they could meet. */
  readonly clusters: readonly Cluster[]
  /** Objects that are in the part whatever becomes of its claims: destinations, in the generation that serves. */
  readonly sources: readonly SourceGeneration[]
  /** One for each object of the language. */
  readonly reports: readonly ObjectReport[]
}

/** What there is to say about one object. */
export interface ObjectReport {
  readonly object: ObjectReference
  /** `referenceText` of the object: made once, compared often. */
  readonly text: string
  readonly uid: string
  /** The generation that the diagnostics are about. */
  readonly generation: number
  readonly diagnostics: readonly Diagnostic[]
  /** The generation that the snapshot contains: an older one where this one has errors; absent: none. */
  readonly served?: number
  /** Listeners on which something of the object is served. Absent: wherever its clusters are used. */
  readonly listeners?: readonly string[]
}

/**
 * Whose requests a claim is about: of all who come in at a gateway's listener, or of workloads that call out through the mesh:
 * all of them, those of one namespace, or one. The narrower scope wins over the wider one.
 */
export type Scope =
  | { readonly kind: 'gateway'; readonly listener: string }
  | { readonly kind: 'mesh'; readonly namespace?: string; readonly workload?: string }

/** An object with a share in a claim, in the generation that claims. */
export interface Claimant {
  readonly source: SourceGeneration
  /** `referenceText` of the source. */
  readonly text: string
  /** RFC 3339. The older object wins. */
  readonly createdAt: string
  /** What is kept of the object once this is served: enough to compile it again, in its language's own form. */
  readonly record: unknown
}

/** "Requests in these scopes for these hosts are routed so." */
export interface HostClaim {
  /** Never empty. The first one decides the claim's age and name; all of them hear of a conflict. */
  readonly claimants: readonly Claimant[]
  readonly scopes: readonly Scope[]
  readonly host: VirtualHost
  /** Where each domain stands in the first claimant; same order as `host.domains`. */
  readonly domainPaths: readonly string[]
  /** What is claimed in its place where others have every domain of it: the last good form. */
  readonly instead?: HostClaim
}

/** A listener that should be there, and whose claims it serves: those of the first scope win over those of the next. */
export interface ListenerClaim {
  /** Empty: the product itself. */
  readonly claimants: readonly Claimant[]
  readonly listener: Omit<Listener, 'routeTable'>
  readonly scopes: readonly Scope[]
  /** Where the listener stands in the first claimant. */
  readonly path: string
}

export const NOTHING_CLAIMED: RoutingPart = { hosts: [], listeners: [], clusters: [], sources: [], reports: [] }
