/**
 * What goes on from one snapshot to the next: positions of splits and of round robin, tables that are dear to make. Each part of
 * a snapshot (a cluster, a virtual host, a listener) holds what it uses; what no part of the newest snapshot holds is forgotten.
 */
import { Kept } from '../../base/holdings.ts'
import type { Holdings } from '../../base/holdings.ts'
import type { ConsistentHash } from '../../routing/consistent-hash.ts'
import { DriftingSplit } from '../../routing/drifting-split.ts'
import type { ClusterLimits, OutlierDetection, SlowStart } from '../../routing/cluster-model.ts'
import { SharedSequences, createSplit } from '../../routing/split.ts'
import type { Split } from '../../routing/split.ts'

import type { RetriesUnderWay } from '../policy/retries.ts'
import { ClusterGate } from '../upstream/cluster-gate.ts'
import type { GateState } from '../upstream/cluster-gate.ts'
import { NearLevels } from './near-levels.ts'
import type { NearLevel, NearLevelState } from './near-levels.ts'
import { OutlierDetector } from '../health/outlier-detector.ts'
import { ClusterSlowStart } from './slow-start.ts'

export class ContinuityStore {
  /** By cluster; only those that have some. */
  readonly retriesUnderWay = new Map<string, RetriesUnderWay>()
  readonly turns = new Kept<{ next: number }>()
  readonly splits = new Kept<Split>()
  readonly sequences = new SharedSequences()
  readonly tables = new Kept<ConsistentHash>()
  readonly gates = new Kept<ClusterGate>((gate) => gate.open())
  readonly outliers = new Kept<OutlierDetector>()
  readonly drifting = new Kept<DriftingSplit>()
  readonly slowStarts = new Kept<ClusterSlowStart>()
  readonly nearLevels = new Kept<NearLevels>()
  /** Of clusters that were prepared since the last swap: they forget the endpoints that were not named again. */
  readonly unsettled = new Set<OutlierDetector | ClusterSlowStart>()
  #clusters: ClusterNames | null = null

  /** For a part of a snapshot: what it uses is kept until its holdings are released. */
  heldBy(holdings: Holdings): Continuity {
    return new Continuity(this, holdings)
  }

  /** Whether the cluster was in the snapshot before; true before the first one. */
  knows(cluster: string): boolean {
    return this.#clusters?.has(cluster) ?? true
  }

  /** By cluster and address, those that get less than their weight for a while. */
  warming(): ReadonlyMap<string, Readonly<Record<string, number>>> {
    return new Map([...this.slowStarts].map(([cluster, slowStart]) => [cluster, slowStart.factors()]))
  }

  /** By cluster, of those that prefer near endpoints. */
  nearLevelStates(): ReadonlyMap<string, readonly NearLevelState[]> {
    return new Map([...this.nearLevels.values()].map(({ cluster, states }) => [cluster, states]))
  }

  /** Addresses that are ejected, by cluster, of those that have outlier detection. */
  ejected(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.outliers].map(([cluster, { ejected }]) => [cluster, ejected]))
  }

  /** By cluster, of those that have limits. */
  gateStates(): ReadonlyMap<string, GateState> {
    return new Map([...this.gates].map(([cluster, { state }]) => [cluster, state]))
  }

  sweep(nowMs: number): void {
    for (const detector of this.outliers.values()) detector.sweep(nowMs)
    for (const slowStart of this.slowStarts.values()) slowStart.sweep(nowMs)
  }

  /** The new snapshot is prepared and about to be served. */
  settle(clusters: ClusterNames): void {
    for (const each of this.unsettled) each.settle()
    this.unsettled.clear()
    this.#clusters = clusters
  }

  /** The snapshot that was prepared will not be served. */
  abandon(): void {
    this.unsettled.clear()
  }
}

type ClusterNames = Pick<ReadonlySet<string>, 'has'>

export class Continuity {
  readonly #store: ContinuityStore
  readonly #holdings: Holdings

  constructor(store: ContinuityStore, holdings: Holdings) {
    this.#store = store
    this.#holdings = holdings
  }

  get retriesUnderWay(): Map<string, RetriesUnderWay> {
    return this.#store.retriesUnderWay
  }

  /** The split goes on where it was as long as its identity is the same. */
  split(identity: unknown, weights: readonly number[]): Split {
    const { splits, sequences } = this.#store
    return splits.hold(JSON.stringify(identity), () => createSplit(weights, sequences), this.#holdings)
  }

  /** Its weights may change; what each is ahead or behind goes on as long as the identity is the same. */
  drifting(identity: unknown, weights: readonly number[]): DriftingSplit {
    return this.#store.drifting.hold(JSON.stringify(identity), () => new DriftingSplit(weights), this.#holdings)
  }

  table(identity: unknown, create: () => ConsistentHash): ConsistentHash {
    return this.#store.tables.hold(JSON.stringify(identity), create, this.#holdings)
  }

  /** Counts go on while the cluster has limits; null where it has none. */
  gate(cluster: string, limits: ClusterLimits | undefined): ClusterGate | null {
    if (limits === undefined) return null
    const gate = this.#store.gates.hold(cluster, () => new ClusterGate(limits), this.#holdings)
    gate.limits = limits
    return gate
  }

  outliers(cluster: string, settings: OutlierDetection | undefined): OutlierDetector | null {
    if (settings === undefined) return null
    const detector = this.#store.outliers.hold(cluster, () => new OutlierDetector(settings), this.#holdings)
    detector.settings = settings
    this.#store.unsettled.add(detector)
    return detector
  }

  /**
   * Null where the cluster has none. Endpoints of the first snapshot of a process are as warm as those of a cluster that had no
   * slow start before: how long they have been there is not known.
   */
  slowStart(cluster: string, settings: SlowStart | undefined): ClusterSlowStart | null {
    if (settings === undefined) return null
    const create = (): ClusterSlowStart => new ClusterSlowStart(settings, this.#store.knows(cluster))
    const slowStart = this.#store.slowStarts.hold(cluster, create, this.#holdings)
    slowStart.settings = settings
    this.#store.unsettled.add(slowStart)
    return slowStart
  }

  nearLevels(cluster: string, levels: readonly NearLevel[]): NearLevels {
    const names = levels.map(({ nearness, hosts }) => [nearness, hosts.map(({ name }) => name)])
    const identity = JSON.stringify([cluster, names])
    return this.#store.nearLevels.hold(identity, () => new NearLevels(cluster), this.#holdings)
  }

  /** Round-robin position of a cluster or a part of it. */
  turn(name: string): { next: number } {
    return this.#store.turns.hold(name, () => ({ next: 0 }), this.#holdings)
  }
}
