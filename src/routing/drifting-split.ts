/**
 * Weighted picking whose weights may change on the way: Tijdeman's rule as in `split.ts`, in shares instead of whole numbers.
 * While the weights stay the same each index has had its share to within less than one pick; a change of the weights keeps
 * what each is ahead or behind, and the picks that follow make up for it.
 */
export class DriftingSplit {
  /** What each is behind its share, in picks; together 0. */
  readonly #leads: Float64Array
  readonly #shares: Float64Array
  /** (2N − 3) / (2N − 2) for the N that have a share. */
  #deadline = 0
  #only = 0

  /** Weights as for `weigh`. */
  constructor(weights: readonly number[]) {
    this.#leads = new Float64Array(weights.length)
    this.#shares = new Float64Array(weights.length)
    this.weigh(weights)
  }

  /** As many as before, none negative, at least one of them positive. */
  weigh(weights: readonly number[]): void {
    const sum = weights.reduce((total, weight) => total + weight, 0)
    let count = 0
    for (const [index, weight] of weights.entries()) {
      this.#shares[index] = weight / sum
      if (weight === 0) continue
      count++
      this.#only = index
    }
    this.#deadline = count > 1 ? 1 - 1 / (2 * count - 2) : 0
  }

  next(): number {
    if (this.#deadline === 0) return this.#only
    const picked = this.#pick()
    this.#leads[picked] = (this.#leads[picked] ?? 0) - 1
    return picked
  }

  /** Of those that are due the one whose deadline comes first; rounding may leave nobody due, then the one most behind. */
  #pick(): number {
    const due = 1 - this.#deadline
    let picked = this.#only
    let soonest = Infinity
    let furthest = this.#only
    for (let index = 0; index < this.#leads.length; index++) {
      const share = this.#shares[index] ?? 0
      if (share === 0) continue
      const lead = (this.#leads[index] ?? 0) + share
      this.#leads[index] = lead
      if (lead > (this.#leads[furthest] ?? 0)) furthest = index
      if (lead < due) continue
      const picksLeft = (this.#deadline - lead) / share
      if (picksLeft >= soonest) continue
      soonest = picksLeft
      picked = index
    }
    return soonest === Infinity ? furthest : picked
  }
}
