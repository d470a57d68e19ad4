/**
 * The value of a YAML document, in time with its length. The `yaml` library's own way is not: it compares each key of a
 * mapping with all the others, searches each alias from the beginning, and shares what aliases repeat, so that who
 * walks the value later walks it as often. So documents are parsed with `LINEAR_YAML`, which leaves equal keys to this.
 */
import { type Document, isAlias, isMap, isPair, isScalar, isSeq, type Pair, type YAMLMap } from 'yaml'

/** Options for the library's parse functions. Without `prettyErrors` no error looks for its line by itself. */
export const LINEAR_YAML = { uniqueKeys: false, prettyErrors: false, logLevel: 'error' } as const

/** Far more than a manifest has; what walks values by recursion stays far from the end of the stack. */
const DEPTH_MAX = 500

/** A document that has no value: two equal keys, an unknown alias, too large. */
export class YamlValueError extends Error {
  override readonly name = 'YamlValueError'
  readonly code = 'NoYamlValue'
  /** In the text. */
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

/**
 * `nodesMax` counts scalars, lists and mappings, those that an alias or a merge key (`<<`) repeats as often as they
 * come.
 * @throws YamlValueError
 */
export function yamlValue(document: Document, { nodesMax }: { readonly nodesMax: number }): unknown {
  return new Reader(document, nodesMax).read(document.contents, 0)
}

type Entries = Map<string, unknown>

class Reader {
  /** By the name of the anchor: the node that bears it last, up to where reading is. */
  readonly #anchors = new Map<string, unknown>()
  readonly #nodesMax: number
  readonly #merges: boolean
  #nodes = 0
  /** Of the node that is read, for errors. */
  #offset = 0

  constructor(document: Document, nodesMax: number) {
    this.#nodesMax = nodesMax
    this.#merges = document.schema.tags.some(({ tag }) => tag === 'tag:yaml.org,2002:merge')
  }

  read(node: unknown, depth: number): unknown {
    this.#nodes += 1
    if (this.#nodes > this.#nodesMax) {
      throw this.#error(`it has more than ${this.#nodesMax} values, with those that aliases repeat`)
    }
    if (depth > DEPTH_MAX) throw this.#error(`it is nested more than ${DEPTH_MAX} levels deep`)
    if (isAlias(node)) return this.read(this.#target(node.source), depth + 1)
    if (isScalar(node) || isMap(node) || isSeq(node)) this.#enter(node)
    if (isScalar(node)) return node.value
    if (isMap(node)) return Object.fromEntries(this.#entries(node, depth))
    if (isSeq(node)) return node.items.map((item) => this.read(item, depth + 1))
    // The items of an !!omap are pairs.
    return isPair(node) ? Object.fromEntries(this.#pair(node, depth, new Map())) : null
  }

  #enter(node: { readonly anchor?: string; readonly range?: readonly number[] | null }): void {
    this.#offset = node.range?.[0] ?? this.#offset
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node)
  }

  #target(name: string): unknown {
    const node = this.#anchors.get(name)
    if (node === undefined) throw this.#error(`the alias *${name} stands before its anchor &${name}`)
    return node
  }

  #entries(map: YAMLMap, depth: number): Entries {
    const own: Entries = new Map()
    const merged: Entries = new Map()
    for (const pair of map.items) {
      if (this.#isMerge(pair)) this.#merge(pair.value, depth, merged)
      else this.#pair(pair, depth, own)
    }
    return merged.size === 0 ? own : new Map([...merged, ...own])
  }

  #pair(pair: Pair, depth: number, entries: Entries): Entries {
    const key = this.#key(pair.key, depth)
    if (entries.has(key)) throw this.#error(`the key ${JSON.stringify(key)} stands twice in one mapping`)
    return entries.set(key, this.read(pair.value, depth + 1))
  }

  #key(key: unknown, depth: number): string {
    const value = this.read(key, depth + 1) ?? ''
    return typeof value === 'string' ? value : JSON.stringify(value)
  }

  #isMerge({ key }: Pair): boolean {
    return (
      this.#merges && isScalar(key) && (typeof key.value === 'symbol' || (key.value === '<<' && key.type === 'PLAIN'))
    )
  }

  /** The entries of a mapping, or of each in a list, where the mapping has none of that name: the first one counts. */
  #merge(node: unknown, depth: number, merged: Entries): void {
    const value = this.read(node, depth + 1)
    for (const source of Array.isArray(value) ? (value as readonly unknown[]) : [value]) {
      if (typeof source !== 'object' || source === null) throw this.#error('<< merges mappings, nothing else')
      for (const [name, each] of Object.entries(source)) if (!merged.has(name)) merged.set(name, each)
    }
  }

  #error(message: string): YamlValueError {
    return new YamlValueError(message, this.#offset)
  }
}
