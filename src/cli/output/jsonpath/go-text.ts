/** Values as Go prints them, which is how kubectl does. */
import { inOrder } from '../serialize.ts'

/** `map[app:web]`, `[a b]`: Go's `%v`. */
export function goText(value: unknown): string {
  if (value === null || value === undefined) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`
  if (typeof value !== 'object') return scalarText(value)
  const entries = Object.entries(inOrder(value) as Readonly<Record<string, unknown>>)
  return `map[${entries.map(([key, one]) => `${key}:${goText(one)}`).join(' ')}]`
}

/** A text as it is, any other scalar as JSON has it. */
export function scalarText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** As Go's encoding/json: keys in order, and what HTML takes for its own escaped. */
export function goJson(value: unknown, indent = 0): string {
  const text = JSON.stringify(inOrder(value), null, indent)
  return text.replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The type that a JSON value has in Go. */
export function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}'
  if (value === null || value === undefined) return '<nil>'
  if (typeof value === 'object') return 'map[string]interface {}'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64'
  return typeof value === 'boolean' ? 'bool' : typeof value
}
