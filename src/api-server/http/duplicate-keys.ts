/**
 * Keys that stand twice in one JSON object: `JSON.parse` keeps the last and says nothing, `fieldValidation` wants to
 * know. Takes text that `JSON.parse` has accepted, so it need not check the grammar.
 */

/** Who reads them reads no more; each may be as long as the text. */
const PATHS_MAX = 100

/** At most `PATHS_MAX` paths such as `spec.containers[0].name`, each once, in order of appearance. */
export function duplicateKeys(text: string): readonly string[] {
  return new Scanner(text).scan()
}

interface Level {
  readonly path: string
  /** Undefined: an array. */
  readonly keys: Set<string> | undefined
  index: number
  key: string
}

class Scanner {
  readonly #text: string
  readonly #found = new Set<string>()
  readonly #levels: Level[] = []
  #expectsKey = false

  constructor(text: string) {
    this.#text = text
  }

  scan(): readonly string[] {
    for (let at = 0; at < this.#text.length; at++) {
      switch (this.#text[at]) {
        case '{':
          this.#open(new Set())
          break
        case '[':
          this.#open(undefined)
          break
        case '}':
        case ']':
          this.#levels.pop()
          this.#expectsKey = false
          break
        case ',':
          this.#next()
          break
        case '"':
          at = this.#string(at)
          break
        case undefined:
        default:
          break
      }
    }
    return [...this.#found]
  }

  #open(keys: Set<string> | undefined): void {
    this.#levels.push({ path: this.#path(), keys, index: 0, key: '' })
    this.#expectsKey = keys !== undefined
  }

  #next(): void {
    const level = this.#levels.at(-1)
    if (level === undefined) return
    level.index++
    this.#expectsKey = level.keys !== undefined
  }

  /** Passes the string that starts at `start`; returns where it ends. */
  #string(start: number): number {
    let end = start + 1
    while (this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1
    if (this.#expectsKey) this.#key(JSON.parse(this.#text.slice(start, end + 1)) as string)
    this.#expectsKey = false
    return end
  }

  #key(key: string): void {
    const level = this.#levels.at(-1)
    if (level?.keys === undefined) return
    level.key = key
    if (level.keys.has(key) && this.#found.size < PATHS_MAX) this.#found.add(this.#path())
    level.keys.add(key)
  }

  #path(): string {
    const level = this.#levels.at(-1)
    if (level === undefined) return ''
    if (level.keys === undefined) return `${level.path}[${level.index}]`
    return level.path === '' ? level.key : `${level.path}.${level.key}`
  }
}
