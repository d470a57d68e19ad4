/**
 * The arithmetic of a rolling update: from the sizes of a Deployment's ReplicaSets to their next sizes. Pure. Wanted
 * numbers are our own writes and exact; observed ones lag behind. Each rule takes the worse of the two, so that a late
 * status can delay a step but never make it exceed the limits.
 */
import type { Limits } from './limits.ts'

/** One ReplicaSet, as far as the arithmetic goes. */
export interface SetSize {
  readonly name: string
  /** Wanted: `spec.replicas`. */
  readonly replicas: number
  /** Observed: `status.replicas`. */
  readonly pods: number
  /** Observed: `status.availableReplicas`. */
  readonly available: number
  /** For the order oldest first; ties go by name. */
  readonly createdMs: number
  /** How many pods all sets together were allowed when this one was last sized; absent before its first sizing. */
  readonly maxReplicas?: number
}

/** New sizes by name; a set that is not named keeps its size. */
export type Sizes = ReadonlyMap<string, number>

/** How many pods the new ReplicaSet should want: as many as fit under replicas + surge, at most the replicas. */
export function nextNewSize(limits: Limits, newSet: SetSize, oldSets: readonly SetSize[]): number {
  if (newSet.replicas >= limits.replicas) return limits.replicas
  // Pods that a shrunk set has not deleted yet still take their place.
  const room = limits.replicas + limits.maxSurge - sum([...oldSets, newSet], present)
  return Math.min(limits.replicas, newSet.replicas + Math.max(0, room))
}

/**
 * The old ReplicaSets' next sizes. At first go pods that do not serve anyway, oldest set first; then as many
 * serving ones as can be spared above replicas − maxUnavailable.
 */
export function shrunkOldSizes(limits: Limits, newSet: SetSize, oldSets: readonly SetSize[]): Sizes {
  const minAvailable = limits.replicas - limits.maxUnavailable
  const newUnavailable = newSet.replicas - available(newSet)
  let spare = sum(oldSets, wanted) + newSet.replicas - minAvailable - newUnavailable
  const sizes = new Map<string, number>()
  if (spare <= 0) return sizes
  for (const set of oldestFirst(oldSets)) {
    const unhealthy = Math.min(spare, set.replicas - available(set))
    if (unhealthy === 0) continue
    sizes.set(set.name, set.replicas - unhealthy)
    spare -= unhealthy
  }
  let dispensable = sum([...oldSets, newSet], available) - minAvailable
  for (const set of oldestFirst(oldSets)) {
    const size = sizes.get(set.name) ?? set.replicas
    const less = Math.min(size, Math.max(0, dispensable))
    if (less === 0) continue
    sizes.set(set.name, size - less)
    dispensable -= less
  }
  return sizes
}

/**
 * New sizes after the Deployment itself was resized in the middle of an update (or while it is paused): every
 * active set keeps its share. With one active set or none, that one (or the new one) takes it all; with a new set
 * that is complete, the old ones go.
 */
export function proportionalSizes(limits: Limits, newSet: SetSize | undefined, oldSets: readonly SetSize[]): Sizes {
  const all = newSet === undefined ? oldSets : [...oldSets, newSet]
  const active = all.filter((set) => set.replicas > 0)
  if (active.length <= 1) {
    const only = active[0] ?? newSet ?? oldestFirst(oldSets).at(-1)
    return new Map(only === undefined ? [] : [[only.name, limits.replicas]])
  }
  if (newSet !== undefined && isSaturated(newSet, limits)) {
    return new Map(active.filter((set) => set !== newSet).map((set) => [set.name, 0]))
  }
  return share(limits, active)
}

function share(limits: Limits, active: readonly SetSize[]): Sizes {
  const allowed = limits.replicas > 0 ? limits.replicas + limits.maxSurge : 0
  const toAdd = allowed - sum(active, wanted)
  const sign = Math.sign(toAdd)
  const sizes = new Map<string, number>()
  const ordered = largestFirst(active, sign)
  let left = Math.abs(toAdd)
  for (const set of ordered) {
    const fraction = Math.round((set.replicas * allowed) / (set.maxReplicas ?? limits.replicas)) - set.replicas
    const step = fraction * sign > 0 ? Math.min(Math.abs(fraction), left) : 0
    sizes.set(set.name, set.replicas + sign * step)
    left -= step
  }
  // Rounding leaves a few over. The first one takes them; shrinking may need more than it has, so others help.
  for (const { name } of ordered) {
    const size = sizes.get(name) ?? 0
    const step = sign < 0 ? Math.min(left, size) : left
    sizes.set(name, size + sign * step)
    left -= step
  }
  return sizes
}

function isSaturated(set: SetSize, { replicas }: Limits): boolean {
  return set.replicas === replicas && set.available === replicas
}

function oldestFirst(sets: readonly SetSize[]): readonly SetSize[] {
  return sets.toSorted((a, b) => a.createdMs - b.createdMs || (a.name < b.name ? -1 : 1))
}

/** Ties: the newer one grows first, the older one shrinks first. */
function largestFirst(sets: readonly SetSize[], sign: number): readonly SetSize[] {
  const byAge = sign > 0 ? oldestFirst(sets).toReversed() : oldestFirst(sets)
  return byAge.toSorted((a, b) => b.replicas - a.replicas)
}

function sum(sets: readonly SetSize[], of: (set: SetSize) => number): number {
  return sets.reduce((total, set) => total + of(set), 0)
}

function wanted({ replicas }: SetSize): number {
  return replicas
}

/** Pods that are or will be there. */
function present({ replicas, pods }: SetSize): number {
  return Math.max(replicas, pods)
}

/** Of a set that was just shrunk no more pods are sure to stay available than it wants. */
function available(set: SetSize): number {
  return Math.min(set.available, set.replicas)
}
