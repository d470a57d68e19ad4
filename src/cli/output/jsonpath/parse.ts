/**
 * kubectl's JSONPath templates, parsed: text with actions in braces, `{range .items[*]}{.metadata.name}{"\n"}{end}`.
 * The dialect is client-go's (util/jsonpath), not RFC 9535: `$` and `@` both mean the current object, names are escaped with
 * `\.`, a missing key is no error, there are no regular expressions. Messages are kubectl's, so that what people know or search for helps them.
 */
import { JsonPathError } from './error.ts'
import { isAlphanumeric, isTerminator, unquote } from './lexical.ts'

export type Part = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'action'; readonly path: Path }

export type Path = readonly Node[]

export type Node =
  | { readonly kind: 'value'; readonly value: string | number | boolean }
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'wildcard' }
  | { readonly kind: 'recursive' }
  | { readonly kind: 'slice'; readonly slice: Slice }
  | { readonly kind: 'union'; readonly paths: readonly Path[] }
  | { readonly kind: 'filter'; readonly filter: Filter }
  /** `range`, `end`, or a word that means nothing. */
  | { readonly kind: 'word'; readonly word: string }

/** `[3]` is a slice of one item. */
export interface Slice {
  readonly start: number | undefined
  readonly end: number | undefined
  readonly step: number | undefined
  /** True: the brackets have one number, and `end` follows from it. */
  readonly isIndex: boolean
}

/** `[?(@.type=="Ready")]`; without a comparison an item passes if the left side is there. */
export interface Filter {
  readonly left: Path
  readonly comparison?: { readonly operator: string; readonly right: Path }
}

/** @throws JsonPathError */
export function parseTemplate(template: string): readonly Part[] {
  const parts: Part[] = []
  let at = 0
  while (at < template.length) {
    const open = template.indexOf('{', at)
    const end = open < 0 ? template.length : open
    if (end > at) parts.push({ kind: 'text', text: template.slice(at, end) })
    if (open < 0) break
    const action = new ActionParser(template, open + 1)
    parts.push({ kind: 'action', path: action.parse() })
    at = action.at
  }
  return parts
}

/** What could stand between braces. */
function parsePath(text: string): Path {
  return new ActionParser(`${text}}`, 0).parse()
}

/** Reads one action up to and with its closing brace. */
class ActionParser {
  readonly #text: string
  #at: number

  constructor(text: string, at: number) {
    this.#text = text
    this.#at = at
  }

  /** Behind the closing brace, once parsed. */
  get at(): number {
    return this.#at
  }

  parse(): Path {
    const nodes: Node[] = []
    while (!this.#takes('}')) nodes.push(...this.#next(nodes.at(-1)))
    return nodes
  }

  #next(before: Node | undefined): readonly Node[] {
    if (this.#takes('[?(')) return [this.#filter()]
    if (this.#takes('..')) return this.#recursive(before)
    const character = this.#text.charAt(this.#at)
    if (character === '' || character === '\n' || character === '\r') throw new JsonPathError('unclosed action')
    if (/[-+\d]/.test(character)) return [this.#number()]
    if (isAlphanumeric(character)) return [this.#word()]
    this.#at++
    if (character === ' ' || character === '@' || character === '$') return []
    if (character === '[') return this.#brackets()
    if (character === '"' || character === "'") return [this.#quoted(character)]
    if (character === '.') return [this.#field()]
    throw new JsonPathError(`unrecognized character in action: ${codePointText(character)}`)
  }

  #takes(prefix: string): boolean {
    if (!this.#text.startsWith(prefix, this.#at)) return false
    this.#at += prefix.length
    return true
  }

  #recursive(before: Node | undefined): readonly Node[] {
    if (before?.kind === 'recursive') throw new JsonPathError('invalid multiple recursive descent')
    const node = { kind: 'recursive' } as const
    return isAlphanumeric(this.#text.charAt(this.#at)) ? [node, this.#field()] : [node]
  }

  #field(): Node {
    const start = this.#at
    while (!isTerminator(this.#text.charAt(this.#at))) this.#at += this.#text.charAt(this.#at) === '\\' ? 2 : 1
    this.#at = Math.min(this.#at, this.#text.length)
    const name = this.#text.slice(start, this.#at)
    return name === '*' ? { kind: 'wildcard' } : { kind: 'field', name: name.replaceAll('\\', '') }
  }

  #word(): Node {
    const start = this.#at
    while (!isTerminator(this.#text.charAt(this.#at))) this.#at++
    const word = this.#text.slice(start, this.#at)
    return word === 'true' || word === 'false' ? { kind: 'value', value: word === 'true' } : { kind: 'word', word }
  }

  #number(): Node {
    const start = this.#at++
    while (/[.\d]/.test(this.#text.charAt(this.#at))) this.#at++
    const text = this.#text.slice(start, this.#at)
    const value = /^[-+]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN
    if (Number.isNaN(value)) throw new JsonPathError(`cannot parse number ${text}`)
    return { kind: 'value', value }
  }

  #quoted(quote: string): Node {
    const start = this.#at - 1
    while (this.#text.charAt(this.#at) !== quote || this.#text.charAt(this.#at - 1) === '\\') {
      if (this.#isEnd()) throw new JsonPathError('unterminated quoted string')
      this.#at++
    }
    this.#at++
    return { kind: 'value', value: unquote(this.#text.slice(start, this.#at)) }
  }

  #brackets(): readonly Node[] {
    const start = this.#at
    while (this.#text.charAt(this.#at) !== ']') {
      if (this.#isEnd()) throw new JsonPathError('unterminated array')
      this.#at++
    }
    const inner = this.#text.slice(start, this.#at++)
    const alternatives = inner.split(',')
    if (alternatives.length > 1) {
      return [{ kind: 'union', paths: alternatives.map((one) => parsePath(`[${one.trim()}]`)) }]
    }
    const key = /^'([^']*)'$/.exec(inner)?.[1]
    return key === undefined ? [{ kind: 'slice', slice: sliceOf(inner === '*' ? ':' : inner) }] : parsePath(`.${key}`)
  }

  #filter(): Node {
    const start = this.#at
    let quote = ''
    while (this.#text.charAt(this.#at) !== ')' || quote !== '') {
      if (this.#isEnd()) throw new JsonPathError('unterminated filter')
      quote = this.#quoteAfter(quote)
      this.#at++
    }
    const text = this.#text.slice(start, this.#at++)
    if (!this.#takes(']')) throw new JsonPathError('unclosed array expect ]')
    return { kind: 'filter', filter: filterOf(text) }
  }

  /** The quote that is open behind the present character. */
  #quoteAfter(open: string): string {
    const character = this.#text.charAt(this.#at)
    if (character !== '"' && character !== "'") return open
    if (open === '') return character
    return character === open && this.#text.charAt(this.#at - 1) !== '\\' ? '' : open
  }

  #isEnd(): boolean {
    return this.#at >= this.#text.length || this.#text.charAt(this.#at) === '\n'
  }
}

function filterOf(text: string): Filter {
  const [, left, operator, right] = /^([^!<>=]+)([!<>=]+)(.+?)$/.exec(text) ?? []
  if (left === undefined || operator === undefined || right === undefined) return { left: parsePath(text) }
  return { left: parsePath(left), comparison: { operator, right: parsePath(right) } }
}

function sliceOf(text: string): Slice {
  const match = /^(-?\d*)(:-?\d*)?(:-?\d*)?$/.exec(text)
  if (match === null) throw new JsonPathError(`invalid array index ${text}`)
  const [, first = '', second, third] = match
  const start = indexOf(first)
  if (second === undefined) return { start, end: (start ?? 0) + 1, step: undefined, isIndex: true }
  return { start, end: indexOf(second.slice(1)), step: indexOf(third?.slice(1) ?? ''), isIndex: false }
}

function indexOf(text: string): number | undefined {
  if (text === '') return undefined
  if (text === '-') throw new JsonPathError(`array index ${text} is not a number`)
  return Number(text)
}

/** `U+003F '?'`, as Go prints a character. */
function codePointText(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
  return `U+${code} '${character}'`
}
