/** Randomness as a parameter: production takes `systemRandom`, tests a seeded one. */

/** A number in [0, 1). */
export type Random = () => number

export const systemRandom: Random = Math.random

/** A small deterministic generator (mulberry32), for tests, jitter in simulations and fuzzing. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
