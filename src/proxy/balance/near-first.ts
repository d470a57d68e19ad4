/** Chooses a distance by its share of the requests, then an endpoint of it; the nearest of the others stand in. */
import type { Chooser } from './chooser.ts'
import type { NearLevels } from './near-levels.ts'

export interface LevelChooser {
  /** Indexes into the cluster's endpoints, in the order of the chooser's. */
  readonly indexes: readonly number[]
  readonly chooser: Chooser
}

export class NearFirst implements Chooser {
  readonly steps: number
  readonly #levels: readonly LevelChooser[]
  readonly #shares: NearLevels
  /** With a hash the distance follows from it. */
  readonly #isHashed: boolean
  /** Of the request that is asking. */
  #level = 0
  #start = 0

  constructor(levels: readonly LevelChooser[], shares: NearLevels, isHashed: boolean) {
    this.#levels = levels
    this.#shares = shares
    this.#isHashed = isHashed
    // The level that is chosen is asked once more, as one of all.
    this.steps = 2 * levels.reduce((sum, level) => sum + stepsOf(level), 0)
  }

  choose(hash: number, step: number): number {
    if (step === 0) this.#level = this.#isHashed ? this.#shares.of(hash) : this.#shares.next()
    let rest = step
    const own = this.#levels[this.#level]
    if (own === undefined) return 0
    if (rest < stepsOf(own)) return this.#within(own, hash, rest)
    rest -= stepsOf(own)
    for (const level of this.#levels) {
      if (rest < stepsOf(level)) return this.#within(level, hash, rest)
      rest -= stepsOf(level)
    }
    return 0
  }

  /** As the balance says, then one by one: weights and chance may have hidden the one that can be used. */
  #within({ indexes, chooser }: LevelChooser, hash: number, step: number): number {
    if (step < chooser.steps) {
      const at = chooser.choose(hash, step)
      if (step === 0) this.#start = at
      return indexes[at] ?? 0
    }
    return indexes[(this.#start + step - chooser.steps) % indexes.length] ?? 0
  }
}

function stepsOf({ indexes, chooser }: LevelChooser): number {
  return chooser.steps + indexes.length
}
