/**
 * Shares of a range instead of a sequence: a key is a fixed point in it and stays with the destination that has the point.
 *
 *     | second → |  first (what is left over)  | … fourth | ← third |
 *
 * The second destination grows from the bottom, the third from the top, further ones inside the third; the first has what
 * they leave. So a share that does not shrink loses no point, for up to three destinations whatever the others do. With more
 * that is impossible (decision 0090); there the fourth and further keep theirs as long as those outside them stay the same.
 */
import { assert } from '../base/assert.ts'

/** Points are integers below this. A point times the sum of the weights stays a safe integer. */
const POINTS = 2 ** 26

export interface Cohorts {
  /** Index of the destination of a key, given as its 32-bit hash. */
  of(hash: number): number
}

/** Weights are non-negative integers, at least one of them positive. */
export function createCohorts(weights: readonly number[]): Cohorts {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  assert(sum > 0, 'cohorts need a positive weight')
  const bottom = (weights[1] ?? 0) * POINTS
  return {
    of(hash) {
      const point = hash >>> 6
      if (point * sum < bottom) return 1
      let covered = 0
      for (let index = 2; index < weights.length; index++) {
        covered += weights[index] ?? 0
        if ((POINTS - point) * sum <= covered * POINTS) return index
      }
      return 0
    },
  }
}

/** Where in the range from 0 to 1 a key is, for people. */
export function cohortPlace(hash: number): number {
  return (hash >>> 6) / POINTS
}

/** Which part of the range from 0 to 1 each destination has, for people: from (included) to (not included). */
export function cohortRanges(weights: readonly number[]): readonly (readonly [from: number, to: number])[] {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const bottom = (weights[1] ?? 0) / sum
  const top = weights.slice(2).reduce((total, weight) => total + weight, 0) / sum
  let covered = 0
  return weights.map((weight, index) => {
    if (index === 0) return [bottom, 1 - top]
    if (index === 1) return [0, bottom]
    const to = 1 - covered / sum
    covered += weight
    return [1 - covered / sum, to]
  })
}
