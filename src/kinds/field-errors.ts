/** Field errors in Kubernetes' wording, and the checks that many kinds share. */
import { RE2JS } from 're2js'
import { messageOf } from '../base/errors.ts'
import type { Check } from '../kube/names.ts'
import { isSameJson } from '../kube/json-value.ts'
import type { FieldError } from './kind.ts'

export function required(field: string, detail = ''): FieldError {
  const message = detail === '' ? 'Required value' : `Required value: ${detail}`
  return { reason: 'FieldValueRequired', field, message }
}

export function invalid(field: string, value: unknown, why: string): FieldError {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${shown(value)}: ${why}` }
}

export function duplicate(field: string, value: unknown): FieldError {
  return { reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${shown(value)}` }
}

export function notFound(field: string, value: unknown): FieldError {
  return { reason: 'FieldValueNotFound', field, message: `Not found: ${shown(value)}` }
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const listed = supported.map((one) => JSON.stringify(one)).join(', ')
  return {
    reason: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${shown(value)}: supported values: ${listed}`,
  }
}

export function forbidden(field: string, why: string): FieldError {
  return { reason: 'FieldValueForbidden', field, message: `Forbidden: ${why}` }
}

export function tooLong(field: string, bytesMax: number): FieldError {
  return { reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${bytesMax} bytes` }
}

export function tooMany(field: string, count: number, countMax: number): FieldError {
  return { reason: 'FieldValueTooMany', field, message: `Too many: ${count}: must have at most ${countMax} items` }
}

function shown(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value)
}

/** One error for each thing that is wrong with the text. */
export function checkFormat(field: string, text: string, check: Check): readonly FieldError[] {
  return check(text).map((why) => invalid(field, text, why))
}

/** A name that must be there and have a form. */
export function checkName(field: string, name: string | undefined, check: Check): readonly FieldError[] {
  return name === undefined || name === '' ? [required(field)] : checkFormat(field, name, check)
}

export function checkAtLeast(field: string, value: number | undefined, least: number): readonly FieldError[] {
  if (value === undefined || value >= least) return []
  return [invalid(field, value, `must be greater than or equal to ${least}`)]
}

const PORT_MAX = 65_535

/** A port number; 0 is what clients write that leave it out. */
export function checkPort(field: string, port: number | undefined): readonly FieldError[] {
  if (port === undefined) return [required(field)]
  return port >= 1 && port <= PORT_MAX ? [] : [invalid(field, port, `must be between 1 and ${PORT_MAX}, inclusive`)]
}

/** What must stay as it was when the object was created. */
export function checkImmutable(field: string, value: unknown, old: unknown): readonly FieldError[] {
  return isSameJson(value, old) ? [] : [invalid(field, value ?? null, 'field is immutable')]
}

/** One error for each entry that repeats an earlier one. */
export function checkDistinct(
  entries: readonly { readonly field: string; readonly value: unknown }[],
): readonly FieldError[] {
  const seen = new Set<string>()
  return entries.flatMap(({ field, value }) => {
    const key = JSON.stringify(value)
    if (seen.has(key)) return [duplicate(field, value)]
    seen.add(key)
    return []
  })
}

/** Names of those fields that have a value. */
export function given<N extends string>(object: Readonly<Partial<Record<N, unknown>>>, names: readonly N[]): N[] {
  return names.filter((name) => object[name] !== undefined && object[name] !== null)
}

/** Exactly one of the alternatives must be given; `path` is their parent. */
export function exactlyOne(path: string, names: readonly string[], alternatives: readonly string[]): FieldError[] {
  if (names.length === 0) return [required(path, `one of ${alternatives.join(', ')}`)]
  return atMostOne(path, names)
}

export function atMostOne(path: string, names: readonly string[]): FieldError[] {
  return names.length <= 1 ? [] : [invalid(path, names.join(', '), 'these exclude each other; give one of them')]
}

export function checkRegex(field: string, pattern: string): FieldError[] {
  try {
    RE2JS.compile(pattern)
    return []
  } catch (error) {
    return [invalid(field, pattern, `not an RE2 regular expression: ${messageOf(error)}`)]
  }
}

/** Admission refuses the object: the API answers 422 with these errors. */
export class AdmissionError extends Error {
  override readonly name = 'AdmissionError'
  readonly errors: readonly FieldError[]

  constructor(...errors: readonly FieldError[]) {
    super(errors.map(({ field, message }) => `${field}: ${message}`).join(', '))
    this.errors = errors
  }
}
