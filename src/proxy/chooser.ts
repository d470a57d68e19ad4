/** Which endpoint of a cluster is asked first for a request, and which next: load balancing without regard to health. */
import { assertNever } from '../base/assert.ts'
import type { Random } from '../base/random.ts'
import { createHashRing, createMaglev } from '../routing/consistent-hash.ts'
import type { HashOwner } from '../routing/consistent-hash.ts'
import type { Balance } from '../routing/model.ts'

import type { Continuity } from './continuity.ts'

export interface Chooser {
  /** An index into the endpoints. `step` counts up from 0 while a request finds those chosen before unusable. */
  choose(hash: number, step: number): number
}

export interface Choice {
  /** Address and port; what stays the same from one snapshot to the next. */
  readonly name: string
  readonly weight: number
  /** Requests under way. */
  readonly load: { readonly active: number }
}

export interface ChooserDeps {
  readonly continuity: Continuity
  readonly random: Random
}

/** Made anew with each snapshot; sequences and tables go on as long as their endpoints and weights stay the same. */
export function createChooser(
  cluster: { readonly name: string; readonly balance?: Balance },
  choices: readonly Choice[],
  { continuity, random }: ChooserDeps,
): Chooser {
  const kind = cluster.balance?.kind ?? 'round-robin'
  switch (kind) {
    case 'round-robin':
      return areEqual(choices)
        ? inTurn(continuity.turn(cluster.name), choices)
        : exact(cluster.name, choices, continuity)
    case 'random':
      return { choose: drawing(choices, random) }
    case 'least-request':
      return leastOfTwo(choices, drawing(choices, random))
    case 'ring-hash':
    case 'maglev':
      return hashing(kind, choices, continuity)
    default:
      return assertNever(kind, 'balance')
  }
}

function inTurn(turn: { next: number }, choices: readonly Choice[]): Chooser {
  const count = choices.length
  return { choose: () => turn.next++ % count }
}

function exact(cluster: string, choices: readonly Choice[], continuity: Continuity): Chooser {
  const identity = choices.map(({ name, weight }) => [name, weight])
  const split = continuity.split(
    ['cluster', cluster, identity],
    choices.map(({ weight }) => weight),
  )
  return { choose: () => split.next() }
}

/** Chances are as the weights. */
function drawing(choices: readonly Choice[], random: Random): () => number {
  const count = choices.length
  if (areEqual(choices)) return () => Math.floor(random() * count)
  let sum = 0
  const bounds = choices.map(({ weight }) => (sum += weight))
  return () => {
    const point = random() * sum
    let index = 0
    while (index < count - 1 && point >= (bounds[index] ?? 0)) index++
    return index
  }
}

/** Draws by weight, so that idle endpoints get their shares; compares by load per weight, so that busy ones get less. */
function leastOfTwo(choices: readonly Choice[], draw: () => number): Chooser {
  const loadOf = (index: number): number => {
    const choice = choices[index]
    return choice === undefined ? 0 : choice.load.active / choice.weight
  }
  return {
    choose() {
      const first = draw()
      const second = draw()
      return loadOf(second) < loadOf(first) ? second : first
    },
  }
}

function hashing(kind: 'ring-hash' | 'maglev', choices: readonly Choice[], continuity: Continuity): Chooser {
  if (choices.length === 0) return { choose: () => 0 }
  const owners: readonly HashOwner[] = choices.map(({ name, weight }) => ({ name, weight }))
  const table = continuity.table([kind, owners], () =>
    kind === 'maglev' ? createMaglev(owners) : createHashRing(owners),
  )
  return { choose: (hash, step) => table.ownerOf(hash, step) }
}

function areEqual(choices: readonly Choice[]): boolean {
  return choices.every(({ weight }) => weight === choices[0]?.weight)
}
