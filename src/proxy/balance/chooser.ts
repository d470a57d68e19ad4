/** Which endpoint of a cluster is asked first for a request, and which next: load balancing without regard to health. */
import { assertNever } from '../../base/assert.ts'
import type { Random } from '../../base/random.ts'
import { createHashRing, createMaglev } from '../../routing/consistent-hash.ts'
import type { HashOwner } from '../../routing/consistent-hash.ts'
import type { DriftingSplit } from '../../routing/drifting-split.ts'
import type { Balance } from '../../routing/cluster-model.ts'

import type { Continuity } from './continuity.ts'
import type { ClusterSlowStart, WarmingHost } from './slow-start.ts'

export interface Chooser {
  /** An index into the endpoints. `step` counts up from 0 while a request finds those chosen before unusable. */
  choose(hash: number, step: number): number
  /** So many steps are worth asking for. */
  readonly steps: number
}

export interface Choice {
  /** Address and port; what stays the same from one snapshot to the next. */
  readonly name: string
  readonly weight: number
  /** Requests under way. */
  readonly load: { readonly active: number }
  /** Null where the cluster has no slow start. */
  readonly warming: WarmingHost | null
}

export interface ChooserDeps {
  readonly continuity: Continuity
  readonly random: Random
}

/** Of whom one is chosen. */
export interface Choices {
  /** Tells its sequences from those of others: the cluster, or a part of it. */
  readonly name: string
  readonly balance: Balance['kind']
  readonly choices: readonly Choice[]
  /** Null where the cluster has none. */
  readonly slowStart: ClusterSlowStart | null
}

/** How often the others are chosen again, per endpoint, before they are gone through one by one. */
const STEPS_PER_ENDPOINT = 2

/** Made anew with each snapshot; sequences and tables go on as long as their endpoints and weights stay the same. */
export function createChooser(options: Choices, deps: ChooserDeps): Chooser {
  const steps = options.choices.length * STEPS_PER_ENDPOINT
  return { steps, choose: chooseBy(options, deps) }
}

function chooseBy(options: Choices, { continuity, random }: ChooserDeps): Chooser['choose'] {
  const { name, balance, choices } = options
  switch (balance) {
    case 'round-robin':
      return slowly(
        options,
        continuity,
        areEqual(choices) ? inTurn(continuity.turn(name), choices) : exact(options, continuity),
      )
    case 'random':
      return new Lottery(choices, random).draw
    case 'least-request':
      return leastOfTwo(options, random)
    case 'ring-hash':
    case 'maglev':
      return hashing(balance, choices, continuity)
    default:
      return assertNever(balance, 'balance')
  }
}

function inTurn(turn: { next: number }, choices: readonly Choice[]): () => number {
  const count = choices.length
  return () => turn.next++ % count
}

function exact({ name, choices }: Choices, continuity: Continuity): () => number {
  const split = continuity.split(['cluster', name, identityOf(choices)], weightsOf(choices))
  return () => split.next()
}

/** While an endpoint gets less than its weight a sequence that follows the weights takes the place of the plain one. */
function slowly({ name, choices, slowStart }: Choices, continuity: Continuity, plain: () => number): () => number {
  if (slowStart === null || choices.length === 0) return plain
  const drifting: DriftingSplit = continuity.drifting(['cluster', name, identityOf(choices)], weightsOf(choices))
  let seen = -1
  return () => {
    if (!slowStart.isWarming) return plain()
    if (seen !== slowStart.version) {
      seen = slowStart.version
      drifting.weigh(warmingWeights(choices))
    }
    return drifting.next()
  }
}

/** Draws by weight, so that idle endpoints get their shares; compares by load per weight, so that busy ones get less. */
function leastOfTwo({ choices, slowStart }: Choices, random: Random): () => number {
  const lottery = new Lottery(choices, random)
  let weights = weightsOf(choices)
  let seen = slowStart === null ? 0 : -1
  const loadOf = (index: number): number => (choices[index]?.load.active ?? 0) / (weights[index] ?? 1)
  return () => {
    if (slowStart !== null && seen !== slowStart.version) {
      seen = slowStart.version
      weights = warmingWeights(choices)
      lottery.weigh(weights)
    }
    const first = lottery.draw()
    const second = lottery.draw()
    return loadOf(second) < loadOf(first) ? second : first
  }
}

function hashing(
  kind: 'ring-hash' | 'maglev',
  choices: readonly Choice[],
  continuity: Continuity,
): (hash: number, step: number) => number {
  if (choices.length === 0) return () => 0
  const owners: readonly HashOwner[] = choices.map(({ name, weight }) => ({ name, weight }))
  const table = continuity.table([kind, owners], () =>
    kind === 'maglev' ? createMaglev(owners) : createHashRing(owners),
  )
  return (hash, step) => table.ownerOf(hash, step)
}

/** Chances are as the weights. */
class Lottery {
  readonly #random: Random
  readonly #count: number
  /** Upper ends of the parts of the range; null: all have the same chance. */
  #bounds: readonly number[] | null = null

  constructor(choices: readonly Choice[], random: Random) {
    this.#random = random
    this.#count = choices.length
    if (!areEqual(choices)) this.weigh(weightsOf(choices))
  }

  weigh(weights: readonly number[]): void {
    let sum = 0
    const bounds = weights.map((weight) => (sum += weight))
    this.#bounds = weights.every((weight) => weight === weights[0]) ? null : bounds
  }

  readonly draw = (): number => {
    const bounds = this.#bounds
    if (bounds === null) return Math.floor(this.#random() * this.#count)
    const point = this.#random() * (bounds[this.#count - 1] ?? 0)
    let low = 0
    let high = this.#count - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (point >= (bounds[middle] ?? 0)) low = middle + 1
      else high = middle
    }
    return low
  }
}

function identityOf(choices: readonly Choice[]): readonly unknown[] {
  return choices.map(({ name, weight }) => [name, weight])
}

function weightsOf(choices: readonly Choice[]): readonly number[] {
  return choices.map(({ weight }) => weight)
}

/** Where all of them would be 0, time makes no difference. */
function warmingWeights(choices: readonly Choice[]): readonly number[] {
  const weights = choices.map(({ weight, warming }) => weight * (warming === null ? 1 : warming.factor))
  return weights.some((weight) => weight > 0) ? weights : weightsOf(choices)
}

function areEqual(choices: readonly Choice[]): boolean {
  return choices.every(({ weight }) => weight === choices[0]?.weight)
}
