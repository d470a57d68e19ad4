/**
 * Values derived from inputs, each remembered until an input that it was derived from has changed. After a change, asking for
 * a value costs what depends on the change, not what there is: the change marks what depends on it, and a marked value is
 * derived again only if something that it read is really different.
 */
import { assert } from './assert.ts'

/** One kind of value, by key. */
export interface Family<Value> {
  /** The present value. Who asks while a value is derived depends on it from then on. */
  get(key: string): Value
  /** What the value of this key is derived from outside of the derivations has changed. */
  invalidate(key: string): void
  /** Nobody asks from outside any more: the value is forgotten once no other value depends on it. */
  release(key: string): void
}

interface Node {
  readonly key: string
  readonly nodes: Map<string, Node>
  readonly derive: () => unknown
  readonly isSame: (a: unknown, b: unknown) => boolean
  value: unknown
  /** `suspect`: something that it depends on may have changed; `stale`: it is to be derived again. */
  state: 'new' | 'current' | 'suspect' | 'stale' | 'deriving'
  /** The round in which the value last became a different one, and in which that was last found out. */
  changedAt: number
  checkedAt: number
  reads: Set<Node>
  readonly readBy: Set<Node>
  isAskedFromOutside: boolean
}

export class Derivations {
  #round = 1
  #deriving: Node | undefined

  /**
   * `derive` reads its inputs by `get` of other families, or from outside; for the latter somebody calls `invalidate`. It must
   * give the same value for the same inputs. Where `isSame` says that a new value is no different, the old one stays, and what
   * depends on it is not derived again.
   */
  family<Value>(derive: (key: string) => Value, isSame: (a: Value, b: Value) => boolean = Object.is): Family<Value> {
    const nodes = new Map<string, Node>()
    const nodeOf = (key: string): Node => {
      const known = nodes.get(key)
      if (known !== undefined) return known
      const node = newNode(nodes, key, () => derive(key), isSame as Node['isSame'])
      nodes.set(key, node)
      return node
    }
    return {
      // The node's value came from `derive` of this family.
      get: (key) => this.#read(nodeOf(key)) as Value,
      invalidate: (key) => {
        const node = nodes.get(key)
        if (node !== undefined) this.#invalidate(node)
      },
      release: (key) => {
        const node = nodes.get(key)
        if (node === undefined) return
        node.isAskedFromOutside = false
        forgetUnused(node)
      },
    }
  }

  #read(node: Node): unknown {
    assert(node.state !== 'deriving', `"${node.key}" is derived from itself`)
    const reader = this.#deriving
    if (reader === undefined) node.isAskedFromOutside = true
    else {
      reader.reads.add(node)
      node.readBy.add(reader)
    }
    this.#refresh(node)
    return node.value
  }

  #refresh(node: Node): void {
    if (node.state === 'current') return
    if (node.state === 'suspect' && !this.#hasNewInput(node)) {
      node.state = 'current'
      node.checkedAt = this.#round
      return
    }
    this.#derive(node)
  }

  /** In the order in which they were read: a later one may not even be there any more when an earlier one has changed. */
  #hasNewInput(node: Node): boolean {
    for (const input of node.reads) {
      this.#refresh(input)
      if (input.changedAt > node.checkedAt) return true
    }
    return false
  }

  #derive(node: Node): void {
    const reader = this.#deriving
    const [before, isNew] = [node.reads, node.state === 'new']
    node.reads = new Set()
    node.state = 'deriving'
    this.#deriving = node
    try {
      const value = node.derive()
      if (isNew || !node.isSame(node.value, value)) {
        node.value = value
        node.changedAt = this.#round
      }
      node.state = 'current'
      node.checkedAt = this.#round
    } finally {
      this.#deriving = reader
      if (node.state === 'deriving') node.state = isNew ? 'new' : 'stale'
      for (const input of before) unread(input, node)
    }
  }

  #invalidate(node: Node): void {
    assert(this.#deriving === undefined, `"${node.key}" changes while a value is derived`)
    this.#round += 1
    if (node.state === 'new') return
    node.state = 'stale'
    suspectReaders(node)
  }
}

function suspectReaders(node: Node): void {
  for (const reader of node.readBy) {
    if (reader.state !== 'current') continue
    reader.state = 'suspect'
    suspectReaders(reader)
  }
}

function newNode(nodes: Map<string, Node>, key: string, derive: () => unknown, isSame: Node['isSame']): Node {
  return {
    key,
    nodes,
    derive,
    isSame,
    value: undefined,
    state: 'new',
    changedAt: 0,
    checkedAt: 0,
    reads: new Set(),
    readBy: new Set(),
    isAskedFromOutside: false,
  }
}

/** `reader` was derived again; it may have done without the input this time. */
function unread(input: Node, reader: Node): void {
  if (reader.reads.has(input)) return
  input.readBy.delete(reader)
  forgetUnused(input)
}

function forgetUnused(node: Node): void {
  if (node.isAskedFromOutside || node.readBy.size > 0 || node.nodes.get(node.key) !== node) return
  node.nodes.delete(node.key)
  for (const input of node.reads) {
    input.readBy.delete(node)
    forgetUnused(input)
  }
}
