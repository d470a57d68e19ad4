/** Field errors in Kubernetes' wording. */
import { RE2JS } from 're2js'
import { messageOf } from '../../base/errors.ts'
import type { FieldError } from '../kind.ts'

export function required(field: string, detail = ''): FieldError {
  return {
    reason: 'FieldValueRequired',
    field,
    message: detail === '' ? 'Required value' : `Required value: ${detail}`,
  }
}

export function invalid(field: string, value: unknown, why: string): FieldError {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${why}` }
}

export function duplicate(field: string, value: string): FieldError {
  return { reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${JSON.stringify(value)}` }
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const values = supported.map((name) => `"${name}"`).join(', ')
  return {
    reason: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${values}`,
  }
}

export function tooLong(field: string, maxBytes: number): FieldError {
  return { reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${maxBytes} bytes` }
}

/** Exactly one of the alternatives must be given; `path` is their parent. */
export function exactlyOne(path: string, names: readonly string[], alternatives: readonly string[]): FieldError[] {
  if (names.length === 0) return [required(path, `one of ${alternatives.join(', ')}`)]
  return atMostOne(path, names)
}

export function atMostOne(path: string, names: readonly string[]): FieldError[] {
  return names.length <= 1 ? [] : [invalid(path, names.join(', '), 'these exclude each other; give one of them')]
}

/** Names of those fields that have a value. */
export function given<N extends string>(object: Readonly<Partial<Record<N, unknown>>>, names: readonly N[]): N[] {
  return names.filter((name) => object[name] !== undefined && object[name] !== null)
}

export function checkRegex(field: string, pattern: string): FieldError[] {
  try {
    RE2JS.compile(pattern)
    return []
  } catch (error) {
    return [invalid(field, pattern, `not an RE2 regular expression: ${messageOf(error)}`)]
  }
}

const PORT_MAX = 65_535

export function checkPort(field: string, port: number | undefined): FieldError[] {
  if (port === undefined) return [required(field)]
  if (Number.isInteger(port) && port >= 1 && port <= PORT_MAX) return []
  return [invalid(field, port, `must be between 1 and ${PORT_MAX}, inclusive`)]
}
