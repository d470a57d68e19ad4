/** The chooser of a cluster, with what it asks for: weights that grow slowly, near endpoints first. */
import type { Random } from '../../base/random.ts'
import type { Balance, Cluster, Endpoint, Locality, LocalPreference } from '../../routing/cluster-model.ts'
import { NEARNESS } from '../../routing/explanation.ts'
import type { Nearness } from '../../routing/explanation.ts'

import { createChooser } from './chooser.ts'
import type { Choice, Chooser } from './chooser.ts'
import type { Continuity } from './continuity.ts'
import type { HostHealth } from '../health/host-health.ts'
import { NearFirst } from './near-first.ts'
import { nearnessOf } from './near-levels.ts'
import type { ClusterSlowStart } from './slow-start.ts'

/** An endpoint as far as it can be chosen. */
export interface Candidate extends HostHealth {
  readonly endpoint: Endpoint
  readonly pool: { readonly endpoint: string; readonly active: number }
}

export interface ClusterChooserDeps {
  readonly continuity: Continuity
  readonly random: Random
  /** Whose turns they are; absent: those of requests. */
  readonly turns?: string
  /** Where the data plane runs. */
  readonly here: Locality | undefined
  /** Rises whenever a candidate becomes usable or stops to be. */
  readonly changes: () => number
}

/** Indexes are those of the candidates. */
export function prepareChooser(
  cluster: Pick<Cluster, 'name' | 'balance' | 'slowStart' | 'preferLocal'>,
  candidates: readonly Candidate[],
  deps: ClusterChooserDeps,
): Chooser {
  const { name, balance, preferLocal } = cluster
  const slowStart = deps.continuity.slowStart(name, cluster.slowStart)
  const choices = candidates.map((candidate) => choiceOf(candidate, slowStart))
  const kind = balance?.kind ?? 'round-robin'
  const levels = preferLocal === undefined ? [] : levelsOf(candidates, deps.here)
  const sequence = deps.turns === undefined ? name : `${name} ${deps.turns}`
  if (preferLocal === undefined || levels.length === 0) {
    return createChooser({ name: sequence, balance: kind, choices, slowStart }, deps)
  }
  const part = { name, sequence, kind, candidates, choices, slowStart }
  return nearFirst(part, levels, preferLocal, deps)
}

interface Level {
  readonly nearness: Nearness
  readonly indexes: readonly number[]
}

interface Prepared {
  readonly name: string
  readonly sequence: string
  readonly kind: Balance['kind']
  readonly candidates: readonly Candidate[]
  readonly choices: readonly Choice[]
  readonly slowStart: ClusterSlowStart | null
}

// oxlint-disable-next-line max-params -- what there is, how it is divided, by which rule, with whose help
function nearFirst(
  { name, sequence, kind, candidates, choices, slowStart }: Prepared,
  levels: readonly Level[],
  { overprovisioning }: LocalPreference,
  deps: ClusterChooserDeps,
): Chooser {
  const named = levels.map(({ nearness, indexes }) => ({
    nearness,
    hosts: pick(candidates, indexes).map(({ pool, outlier, checked }) => ({ name: pool.endpoint, outlier, checked })),
  }))
  const shares = deps.continuity.nearLevels(name, named)
  shares.update(named, overprovisioning, deps.changes)
  const choosers = levels.map(({ nearness, indexes }) => {
    const part = { name: `${sequence} ${nearness}`, balance: kind, choices: pick(choices, indexes), slowStart }
    return { indexes, chooser: createChooser(part, deps) }
  })
  return new NearFirst(choosers, shares, kind === 'ring-hash' || kind === 'maglev')
}

function choiceOf({ endpoint, pool, outlier, checked }: Candidate, slowStart: ClusterSlowStart | null): Choice {
  const { weight = 1 } = endpoint
  const warming = slowStart === null ? null : slowStart.use(pool.endpoint, { outlier, checked })
  return { name: pool.endpoint, weight, load: pool, warming }
}

/** The nearest first; none of them empty. */
function levelsOf(candidates: readonly Candidate[], here: Locality | undefined): readonly Level[] {
  const indexes = candidates.map((_, index) => index)
  const byNearness = Map.groupBy(indexes, (index) => nearnessOf(here, candidates[index]?.endpoint.locality))
  return NEARNESS.flatMap((nearness) => {
    const found = byNearness.get(nearness)
    return found === undefined ? [] : [{ nearness, indexes: found }]
  })
}

function pick<Item>(items: readonly Item[], indexes: readonly number[]): readonly Item[] {
  return indexes.flatMap((index) => {
    const item = items[index]
    return item === undefined ? [] : [item]
  })
}
