/** Some of a message's fields, by index: few, and emptied for each message without giving memory away. */
export class FieldSet {
  readonly #indexes: number[] = []
  #size = 0

  get isEmpty(): boolean {
    return this.#size === 0
  }

  clear(): void {
    this.#size = 0
  }

  add(index: number): void {
    this.#indexes[this.#size++] = index
  }

  has(index: number): boolean {
    for (let at = 0; at < this.#size; at++) if (this.#indexes[at] === index) return true
    return false
  }
}
