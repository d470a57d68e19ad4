/** What goes on from one snapshot to the next: positions of splits and of round robin, tables that are dear to make. */
import type { ConsistentHash } from '../../routing/consistent-hash.ts'
import { DriftingSplit } from '../../routing/drifting-split.ts'
import type { ClusterLimits, OutlierDetection, SlowStart } from '../../routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../routing/model.ts'
import { SharedSequences, createSplit } from '../../routing/split.ts'
import type { Split } from '../../routing/split.ts'

import type { RetriesUnderWay } from '../policy/retries.ts'
import { ClusterGate } from '../upstream/cluster-gate.ts'
import type { GateState } from '../upstream/cluster-gate.ts'
import { NearLevels } from './near-levels.ts'
import type { NearLevel, NearLevelState } from './near-levels.ts'
import { OutlierDetector } from '../health/outlier-detector.ts'
import { ClusterSlowStart } from './slow-start.ts'

export class Continuity {
  /** By cluster; only those that have some. */
  readonly retriesUnderWay = new Map<string, RetriesUnderWay>()
  readonly #turns = new Generations<{ next: number }>()
  readonly #splits = new Generations<Split>()
  readonly #sequences = new SharedSequences()
  readonly #tables = new Generations<ConsistentHash>()
  readonly #gates = new Generations<ClusterGate>()
  readonly #outliers = new Generations<OutlierDetector>()
  readonly #drifting = new Generations<DriftingSplit>()
  readonly #slowStarts = new Generations<ClusterSlowStart>()
  readonly #nearLevels = new Generations<NearLevels>()
  /** Those of the newest snapshot; null before the first one. */
  #clusters: ReadonlySet<string> | null = null

  /** The split goes on where it was as long as its identity is the same. */
  split(identity: unknown, weights: readonly number[]): Split {
    return this.#splits.use(JSON.stringify(identity), () => createSplit(weights, this.#sequences))
  }

  /** Its weights may change; what each is ahead or behind goes on as long as the identity is the same. */
  drifting(identity: unknown, weights: readonly number[]): DriftingSplit {
    return this.#drifting.use(JSON.stringify(identity), () => new DriftingSplit(weights))
  }

  table(identity: unknown, create: () => ConsistentHash): ConsistentHash {
    return this.#tables.use(JSON.stringify(identity), create)
  }

  /** Counts go on while the cluster has limits; null where it has none. */
  gate(cluster: string, limits: ClusterLimits | undefined): ClusterGate | null {
    if (limits === undefined) return null
    const gate = this.#gates.use(cluster, () => new ClusterGate(limits))
    gate.limits = limits
    return gate
  }

  outliers(cluster: string, settings: OutlierDetection | undefined): OutlierDetector | null {
    if (settings === undefined) return null
    const detector = this.#outliers.use(cluster, () => new OutlierDetector(settings))
    detector.settings = settings
    return detector
  }

  /**
   * Null where the cluster has none. Endpoints of the first snapshot of a process are as warm as those of a cluster that had no
   * slow start before: how long they have been there is not known.
   */
  slowStart(cluster: string, settings: SlowStart | undefined): ClusterSlowStart | null {
    if (settings === undefined) return null
    const startsWarm = this.#clusters?.has(cluster) ?? true
    const slowStart = this.#slowStarts.use(cluster, () => new ClusterSlowStart(settings, startsWarm))
    slowStart.settings = settings
    return slowStart
  }

  /** By cluster and address, those that get less than their weight for a while. */
  warming(): ReadonlyMap<string, Readonly<Record<string, number>>> {
    return new Map([...this.#slowStarts.kept].map(([cluster, slowStart]) => [cluster, slowStart.factors()]))
  }

  nearLevels(cluster: string, levels: readonly NearLevel[]): NearLevels {
    const names = levels.map(({ nearness, hosts }) => [nearness, hosts.map(({ name }) => name)])
    return this.#nearLevels.use(JSON.stringify([cluster, names]), () => new NearLevels(cluster))
  }

  /** By cluster, of those that prefer near endpoints. */
  nearLevelStates(): ReadonlyMap<string, readonly NearLevelState[]> {
    return new Map(this.#nearLevels.kept.values().map(({ cluster, states }) => [cluster, states]))
  }

  /** Addresses that are ejected, by cluster, of those that have outlier detection. */
  ejected(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.#outliers.kept].map(([cluster, { ejected }]) => [cluster, ejected]))
  }

  sweep(nowMs: number): void {
    for (const detector of this.#outliers.kept.values()) detector.sweep(nowMs)
    for (const slowStart of this.#slowStarts.kept.values()) slowStart.sweep(nowMs)
  }

  /** By cluster, of those that have limits. */
  gateStates(): ReadonlyMap<string, GateState> {
    return new Map([...this.#gates.kept].map(([cluster, { state }]) => [cluster, state]))
  }

  /** Of a cluster or a part of it. */
  turn(name: string): { next: number } {
    return this.#turns.use(name, () => ({ next: 0 }))
  }

  /** Everything of the new snapshot was asked for: forgets what it does not have. */
  settle(snapshot: RoutingSnapshot): void {
    this.#turns.settle()
    this.#splits.settle()
    this.#tables.settle()
    for (const gate of this.#gates.unused()) gate.open()
    this.#gates.settle()
    this.#outliers.settle()
    this.#drifting.settle()
    this.#slowStarts.settle()
    this.#nearLevels.settle()
    for (const detector of this.#outliers.kept.values()) detector.settle()
    for (const slowStart of this.#slowStarts.kept.values()) slowStart.settle()
    this.#clusters = new Set(snapshot.clusters.map(({ name }) => name))
  }
}

/** Keeps what was used since the last time it settled. */
class Generations<Value> {
  #kept = new Map<string, Value>()
  #used = new Map<string, Value>()

  use(key: string, create: () => Value): Value {
    const value = this.#used.get(key) ?? this.#kept.get(key) ?? create()
    this.#used.set(key, value)
    return value
  }

  get kept(): ReadonlyMap<string, Value> {
    return this.#kept
  }

  /** What will be forgotten. */
  unused(): readonly Value[] {
    return [...this.#kept].flatMap(([key, value]) => (this.#used.has(key) ? [] : [value]))
  }

  settle(): void {
    this.#kept = this.#used
    this.#used = new Map()
  }
}
