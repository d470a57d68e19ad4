/** Label and field selectors: read, write, match. Pure. Source: Kubernetes' "Labels and Selectors", "Field Selectors". */
import { assertNever } from '../base/assert.ts'
import { labelValueErrors, qualifiedNameErrors } from './names.ts'
import type { LabelSelector, LabelSelectorRequirement } from './object.ts'

export type Labels = Readonly<Record<string, string>>

/** A selector that cannot be read; the message says what is wrong with it. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError'
  readonly code = 'InvalidSelector'
}

/**
 * A selector object or the requirements of a parsed one. An empty one matches everything, an absent one nothing: so
 * says the API for every selector in an object.
 */
export function matchesLabels(
  selector: LabelSelector | readonly LabelSelectorRequirement[] | undefined,
  labels: Labels = {},
): boolean {
  return selector !== undefined && requirementsOf(selector).every((one) => meets(one, labels))
}

/** A LabelSelector's two parts as one list. */
export function requirementsOf(
  selector: LabelSelector | readonly LabelSelectorRequirement[],
): readonly LabelSelectorRequirement[] {
  if (isRequirements(selector)) return selector
  const exact = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => isOneOf(key, [value]))
  return [...exact, ...(selector.matchExpressions ?? [])]
}

function isRequirements(
  selector: LabelSelector | readonly LabelSelectorRequirement[],
): selector is readonly LabelSelectorRequirement[] {
  return Array.isArray(selector)
}

function isOneOf(key: string, values: readonly string[]): LabelSelectorRequirement {
  return { key, operator: 'In', values }
}

/** `NotIn` also holds for what has no such label. */
function meets({ key, operator, values = [] }: LabelSelectorRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return assertNever(operator, 'operator')
  }
}

/** The query form, keys in order: `app=echo,tier in (a,b),!old`. Empty for a selector of everything. */
export function formatLabelSelector(selector: LabelSelector | readonly LabelSelectorRequirement[]): string {
  return [...requirementsOf(selector)]
    .toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)))
    .map(formatRequirement)
    .join(',')
}

function formatRequirement({ key, operator, values = [] }: LabelSelectorRequirement): string {
  const [only] = values
  const list = `(${[...values].toSorted().join(',')})`
  switch (operator) {
    case 'In':
      return values.length === 1 ? `${key}=${only}` : `${key} in ${list}`
    case 'NotIn':
      return values.length === 1 ? `${key}!=${only}` : `${key} notin ${list}`
    case 'Exists':
      return key
    case 'DoesNotExist':
      return `!${key}`
    default:
      return assertNever(operator, 'operator')
  }
}

/**
 * Reads `a=b,c!=d,e in (x,y),f notin (z),g,!h`. `''` gives no requirements: everything.
 * @throws SelectorError
 */
export function parseLabelSelector(text: string): readonly LabelSelectorRequirement[] {
  const tokens = new Tokens(text)
  if (tokens.peek() === undefined) return []
  const requirements = [parseRequirement(tokens)]
  while (tokens.peek() !== undefined) {
    tokens.expect(',')
    requirements.push(parseRequirement(tokens))
  }
  return requirements
}

/** requirement = "!" key / key [ ("=" / "==" / "!=") value / ("in" / "notin") "(" values ")" ] */
function parseRequirement(tokens: Tokens): LabelSelectorRequirement {
  if (tokens.accept('!')) return { key: labelKey(tokens.word('a label key')), operator: 'DoesNotExist' }
  const key = labelKey(tokens.word('a label key'))
  const operator = tokens.peek()
  switch (operator) {
    case undefined:
    case ',':
      return { key, operator: 'Exists' }
    case '=':
    case '==':
      tokens.next()
      return isOneOf(key, [labelValue(tokens.value())])
    case '!=':
      tokens.next()
      return { key, operator: 'NotIn', values: [labelValue(tokens.value())] }
    case 'in':
    case 'notin':
      tokens.next()
      return { key, operator: operator === 'in' ? 'In' : 'NotIn', values: parseValues(tokens) }
    default:
      throw tokens.unexpected('an operator: one of =, ==, !=, in, notin')
  }
}

/** values = "(" value *( "," value ) ")" */
function parseValues(tokens: Tokens): readonly string[] {
  tokens.expect('(')
  const values = [labelValue(tokens.value())]
  while (tokens.accept(',')) values.push(labelValue(tokens.value()))
  tokens.expect(')')
  return values
}

function labelKey(key: string): string {
  const [why] = qualifiedNameErrors(key)
  if (why !== undefined) throw new SelectorError(`unable to parse requirement: invalid label key "${key}": ${why}`)
  return key
}

function labelValue(value: string): string {
  const [why] = labelValueErrors(value)
  if (why !== undefined) throw new SelectorError(`unable to parse requirement: invalid label value "${value}": ${why}`)
  return value
}

/** The words and signs of a selector, from left to right. */
class Tokens {
  readonly #text: string
  readonly #tokens: readonly string[]
  #at = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = text.match(/==|!=|[=!(),]|[^\s=!(),]+/g) ?? []
  }

  peek(): string | undefined {
    return this.#tokens[this.#at]
  }

  next(): string | undefined {
    return this.#tokens[this.#at++]
  }

  accept(sign: string): boolean {
    const isNext = this.peek() === sign
    if (isNext) this.#at += 1
    return isNext
  }

  expect(sign: string): void {
    if (!this.accept(sign)) throw this.unexpected(`"${sign}"`)
  }

  word(what: string): string {
    const token = this.peek()
    if (token === undefined || isSign(token)) throw this.unexpected(what)
    this.#at += 1
    return token
  }

  /** A value may be empty: then a sign or the end comes at once. */
  value(): string {
    const token = this.peek()
    if (token === undefined || token === ',' || token === ')') return ''
    return this.word('a value')
  }

  unexpected(wanted: string): SelectorError {
    const found = this.peek()
    const where = found === undefined ? 'the end' : `"${found}"`
    return new SelectorError(`unable to parse requirement: found ${where} in "${this.#text}", expected ${wanted}`)
  }
}

function isSign(token: string): boolean {
  return /^[=!(),]/.test(token)
}

/** `path` may be anything: which paths a kind offers is the kind's matter. */
export interface FieldRequirement {
  readonly path: string
  readonly operator: '=' | '!='
  readonly value: string
}

/**
 * Reads `status.phase=Running,spec.nodeName!=`; in values `\` escapes `,`, `=` and itself.
 * @throws SelectorError
 */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  // Split at commas that are not escaped.
  const terms = text.match(/(?:\\.|[^,\\])+/g) ?? []
  return terms.map(parseFieldTerm)
}

function parseFieldTerm(term: string): FieldRequirement {
  const match = /^(?<path>[^=!]+)(?<operator>==|!=|=)(?<value>.*)$/s.exec(term.trim())?.groups
  if (match === undefined) {
    throw new SelectorError(`invalid selector: "${term}"; can't understand it: expected path=value or path!=value`)
  }
  const { path = '', operator, value = '' } = match
  return { path: path.trim(), operator: operator === '!=' ? '!=' : '=', value: unescape(value, term) }
}

function unescape(value: string, term: string): string {
  if (/(?:^|[^\\])(?:\\\\)*=/.test(value) || /(?:^|[^\\])(?:\\\\)*\\(?![\\,=])/.test(value)) {
    throw new SelectorError(`invalid selector: "${term}"; write \\= and \\\\ for = and \\ in a value`)
  }
  return value.replaceAll(/\\([\\,=])/g, '$1')
}

/** `read` gives the object's value at a path, '' where it has none. */
export function matchesFields(requirements: readonly FieldRequirement[], read: (path: string) => string): boolean {
  return requirements.every(({ path, operator, value }) => (read(path) === value) === (operator === '='))
}
