/**
 * Exact weighted splitting by Tijdeman's rule (the chairman assignment problem, Discrete Mathematics 32, 1980): after any
 * number of picks each destination has had its share to within less than one request, however many destinations there
 * are. Smooth weighted round robin, the usual choice, exceeds one request from about five destinations on.
 *
 * In whole numbers, with weights w (sum W) over N destinations and `lead = k·w − count·W` before pick k: a destination is
 * due when (2N−2)·lead ≥ W; of those due the one with the smallest ((2N−3)·W − (2N−2)·lead) / w is picked.
 */
import { assert } from '../base/assert.ts'

/** Up to this period the whole sequence is computed once, so that a pick costs one array read. */
const PRECOMPUTED_PICKS_MAX = 10_000
/** Of different weights: the oldest is forgotten for a new one. */
const SHARED_SEQUENCES_MAX = 64

/** An endless sequence of indexes into the weights. */
export interface Split {
  next(): number
}

/** Sequences that splits with the same weights have between them. */
export class SharedSequences {
  readonly #sequences = new Map<string, Uint32Array>()

  of(weights: readonly number[], compute: () => Uint32Array): Uint32Array {
    const key = weights.join()
    const known = this.#sequences.get(key)
    if (known !== undefined) return known
    const [oldest = ''] = this.#sequences.keys()
    if (this.#sequences.size >= SHARED_SEQUENCES_MAX) this.#sequences.delete(oldest)
    const sequence = compute()
    this.#sequences.set(key, sequence)
    return sequence
  }
}

/** Weights are non-negative integers, at least one of them positive; the order of destinations breaks ties. */
export function createSplit(weights: readonly number[], sequences = new SharedSequences()): Split {
  const positive = weights.flatMap((weight, index) => (weight > 0 ? [{ weight, index }] : []))
  const [first, ...others] = positive
  assert(first !== undefined, 'a split needs a positive weight')
  if (others.length === 0) return { next: () => first.index }
  const divisor = positive.reduce((soFar, { weight }) => greatestCommonDivisor(soFar, weight), 0)
  const rule = tijdeman(positive.map(({ weight }) => weight / divisor))
  const indexes = positive.map(({ index }) => index)
  if (rule.period > PRECOMPUTED_PICKS_MAX) return { next: () => indexes[rule.pick()] ?? 0 }
  const compute = (): Uint32Array => Uint32Array.from({ length: rule.period }, () => indexes[rule.pick()] ?? 0)
  return new RepeatingSplit(sequences.of(weights, compute))
}

interface Rule {
  /** After this many picks the sequence begins again. */
  readonly period: number
  pick(): number
}

class RepeatingSplit implements Split {
  readonly #sequence: Uint32Array
  #position = 0

  constructor(sequence: Uint32Array) {
    this.#sequence = sequence
  }

  next(): number {
    const position = this.#position
    this.#position = position + 1 === this.#sequence.length ? 0 : position + 1
    return this.#sequence[position] ?? 0
  }
}

/** All numbers stay below 2·(2N−2)·W, far inside the safe integers for weights up to a million. */
function tijdeman(weights: readonly number[]): Rule {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const scale = 2 * weights.length - 2
  const leads = weights.map(() => 0)
  return {
    period: sum,
    pick(): number {
      let picked = -1
      let pickedSlack = 0
      let pickedWeight = 1
      for (const [index, weight] of weights.entries()) {
        const lead = (leads[index] ?? 0) + weight
        leads[index] = lead
        if (scale * lead < sum) continue
        const slack = (scale - 1) * sum - scale * lead
        if (picked !== -1 && !isSmallerFraction(slack, weight, pickedSlack, pickedWeight)) continue
        picked = index
        pickedSlack = slack
        pickedWeight = weight
      }
      leads[picked] = (leads[picked] ?? 0) - sum
      return picked
    },
  }
}

/** a/b < c/d for positive b and d, by whole part and then remainder: cross-multiplying could leave the safe integers. */
// oxlint-disable-next-line max-params -- two fractions are four numbers, and an object per comparison is too dear here
function isSmallerFraction(a: number, b: number, c: number, d: number): boolean {
  const leftRest = modulo(a, b)
  const rightRest = modulo(c, d)
  const left = (a - leftRest) / b
  const right = (c - rightRest) / d
  return left === right ? leftRest * d < rightRest * b : left < right
}

function modulo(value: number, by: number): number {
  const rest = value % by
  return rest < 0 ? rest + by : rest
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
