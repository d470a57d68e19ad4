/** A binary heap: the item that comes before all others is found at once. */
export class Heap<Item> {
  readonly #isBefore: (a: Item, b: Item) => boolean
  #items: Item[] = []

  constructor(isBefore: (a: Item, b: Item) => boolean) {
    this.#isBefore = isBefore
  }

  get first(): Item | undefined {
    return this.#items[0]
  }

  push(item: Item): void {
    this.#items.push(item)
    this.#rise(this.#items.length - 1, item)
  }

  take(): Item | undefined {
    const [first] = this.#items
    const last = this.#items.pop()
    if (last !== undefined && this.#items.length > 0) this.#sink(last)
    return first
  }

  /** In no order. */
  takeAll(): readonly Item[] {
    const items = this.#items
    this.#items = []
    return items
  }

  #rise(from: number, item: Item): void {
    let at = from
    while (at > 0) {
      const above = (at - 1) >>> 1
      const other = this.#items[above]
      if (other === undefined || !this.#isBefore(item, other)) break
      this.#items[at] = other
      at = above
    }
    this.#items[at] = item
  }

  /** From the top. */
  #sink(item: Item): void {
    let at = 0
    for (;;) {
      const below = this.#below(at)
      const other = this.#items[below]
      if (other === undefined || !this.#isBefore(other, item)) break
      this.#items[at] = other
      at = below
    }
    this.#items[at] = item
  }

  #below(at: number): number {
    const [left, right] = [this.#items[2 * at + 1], this.#items[2 * at + 2]]
    return left !== undefined && right !== undefined && this.#isBefore(right, left) ? 2 * at + 2 : 2 * at + 1
  }
}
