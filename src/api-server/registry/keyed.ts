/**
 * Objects in the form that ownership of fields speaks about: every name becomes the path element that FieldsV1 has for
 * it (`f:spec`), and a list whose items have a merge key becomes a map by that key (`k:{"name":"web"}`). Other lists stay
 * lists and are owned as a whole. Merging and subtracting are then the same for maps and lists.
 */
import type { ArraySchema, Schema } from '../../kinds/schema.ts'
import { isRecord } from './document.ts'

export type Keyed = Readonly<Record<string, unknown>>

const FIELD = 'f:'
const ITEM = 'k:'

export function toKeyed(schema: Schema, document: object): Keyed {
  return keyedRecord(schema, document as Readonly<Record<string, unknown>>)
}

export function fromKeyed(document: Keyed): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(document).map(([element, value]) => [element.slice(FIELD.length), plain(value)]),
  )
}

/** `.spec.containers[name="web"].image` */
export function pathText(path: readonly string[]): string {
  return path
    .map((element) => (isItem(element) ? `[${keysText(element)}]` : `.${element.slice(FIELD.length)}`))
    .join('')
}

/** The element of the field that tells the items of a list apart; undefined for elements that are no items. */
export function keyFieldOf(element: string): string | undefined {
  return isItem(element) ? `${FIELD}${Object.keys(keysOf(element))[0] ?? ''}` : undefined
}

function keyedRecord(schema: Schema | undefined, record: Readonly<Record<string, unknown>>): Keyed {
  const present = Object.entries(record).filter(([, value]) => value !== undefined && value !== null)
  return Object.fromEntries(present.map(([name, value]) => [`${FIELD}${name}`, keyed(within(schema, name), value)]))
}

function keyed(schema: Schema | undefined, value: unknown): unknown {
  if (isRecord(value)) return keyedRecord(schema, value)
  if (!Array.isArray(value) || schema === undefined) return value
  const known = schema
  return known.kind === 'array' ? (keyedList(known, value) ?? value) : value
}

/** Undefined when the list has no merge key, or items that it does not tell apart. */
function keyedList({ items, patchMergeKey: key }: ArraySchema, list: readonly unknown[]): Keyed | undefined {
  if (key === undefined || list.length === 0) return undefined
  const entries = list.map((item) => {
    const id = isRecord(item) ? item[key] : undefined
    return isRecord(item) && (typeof id === 'string' || typeof id === 'number')
      ? ([`${ITEM}${JSON.stringify({ [key]: id })}`, keyedRecord(items, item)] as const)
      : undefined
  })
  const known = entries.filter((entry) => entry !== undefined)
  const map = Object.fromEntries(known)
  return Object.keys(map).length === list.length ? map : undefined
}

function within(schema: Schema | undefined, name: string): Schema | undefined {
  if (schema === undefined) return undefined
  const known = schema
  if (known.kind === 'map') return known.values
  return known.kind === 'object' && Object.hasOwn(known.fields, name) ? known.fields[name]?.schema : undefined
}

function plain(value: unknown): unknown {
  if (!isRecord(value)) return value
  const elements = Object.keys(value)
  return elements.length > 0 && elements.every(isItem) ? Object.values(value).map(plain) : fromKeyed(value)
}

function isItem(element: string): boolean {
  return element.startsWith(ITEM)
}

function keysOf(element: string): Readonly<Record<string, unknown>> {
  return JSON.parse(element.slice(ITEM.length)) as Readonly<Record<string, unknown>>
}

function keysText(element: string): string {
  return Object.entries(keysOf(element))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(',')
}
