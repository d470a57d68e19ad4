/** What goes on from one snapshot to the next: positions of splits and of round robin, tables that are dear to make. */
import type { ConsistentHash } from '../routing/consistent-hash.ts'
import type { ClusterLimits, OutlierDetection, RoutingSnapshot } from '../routing/model.ts'
import { createSplit } from '../routing/split.ts'
import type { Split } from '../routing/split.ts'

import { ClusterGate } from './cluster-gate.ts'
import type { GateState } from './cluster-gate.ts'
import { OutlierDetector } from './outlier-detector.ts'

export class Continuity {
  /** By cluster; only those that have some. */
  readonly retriesUnderWay = new Map<string, number>()
  readonly #turns = new Map<string, { next: number }>()
  readonly #splits = new Generations<Split>()
  readonly #tables = new Generations<ConsistentHash>()
  readonly #gates = new Generations<ClusterGate>()
  readonly #outliers = new Generations<OutlierDetector>()

  /** The split goes on where it was as long as its identity is the same. */
  split(identity: unknown, weights: readonly number[]): Split {
    return this.#splits.use(JSON.stringify(identity), () => createSplit(weights))
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

  /** Addresses that are ejected, by cluster, of those that have outlier detection. */
  ejected(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.#outliers.kept].map(([cluster, { ejected }]) => [cluster, ejected]))
  }

  sweep(nowMs: number): void {
    for (const detector of this.#outliers.kept.values()) detector.sweep(nowMs)
  }

  /** By cluster, of those that have limits. */
  gateStates(): ReadonlyMap<string, GateState> {
    return new Map([...this.#gates.kept].map(([cluster, { state }]) => [cluster, state]))
  }

  turn(cluster: string): { next: number } {
    const known = this.#turns.get(cluster) ?? { next: 0 }
    this.#turns.set(cluster, known)
    return known
  }

  /** Everything of the new snapshot was asked for: forgets what it does not have. */
  settle(snapshot: RoutingSnapshot): void {
    this.#splits.settle()
    this.#tables.settle()
    this.#gates.settle()
    this.#outliers.settle()
    for (const detector of this.#outliers.kept.values()) detector.settle()
    const names = new Set(snapshot.clusters.map(({ name }) => name))
    for (const name of this.#turns.keys()) {
      if (!names.has(name)) this.#turns.delete(name)
    }
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

  settle(): void {
    this.#kept = this.#used
    this.#used = new Map()
  }
}
