/**
 * Exact weighted splitting by Tijdeman's rule (the chairman assignment problem, Discrete Mathematics 32, 1980): after any
 * number of picks each destination has had its share to within less than one request, however many destinations there
 * are. Smooth weighted round robin, the usual choice, exceeds one request from about five destinations on.
 *
 * In whole numbers, with weights w (sum W) over N destinations and `lead = k·w − count·W` before pick k: a destination is
 * due when (2N−2)·lead ≥ W; of those due the one with the smallest ((2N−3)·W − (2N−2)·lead) / w is picked.
 */
import { assert } from '../base/assert.ts'

import { ruleOfFew } from './split/rule-of-few.ts'
import { ruleOfMany } from './split/rule-of-many.ts'

/** Up to this period the whole sequence is computed once, so that a pick costs one array read. */
const PRECOMPUTED_PICKS_MAX = 10_000
/** Beyond so many destinations it is dearer to go through all of them than to keep them in order. */
const FEW_MAX = 16
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
  const reduced = positive.map(({ weight }) => weight / divisor)
  const rule = reduced.length > FEW_MAX ? ruleOfMany(reduced) : ruleOfFew(reduced)
  const indexes = positive.map(({ index }) => index)
  if (rule.period > PRECOMPUTED_PICKS_MAX) return { next: () => indexes[rule.pick()] ?? 0 }
  const compute = (): Uint32Array => Uint32Array.from({ length: rule.period }, () => indexes[rule.pick()] ?? 0)
  return new RepeatingSplit(sequences.of(weights, compute))
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

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
