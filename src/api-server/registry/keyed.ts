/**
 * Objects in the form that ownership of fields speaks about: every name becomes the path element that FieldsV1 has for
 * it (`f:spec`). A list whose items are told apart by keys becomes a map by those keys (`k:{"name":"web"}`), a set a map by
 * its values (`v:"x"`). What is owned as a whole stays or becomes a list. Merging and subtracting are then the same for
 * maps and lists.
 */
import type { ArraySchema, ObjectSchema, Schema } from '../../kinds/schema.ts'
import { listTypeOf } from '../../kinds/schema.ts'
import { isRecord } from './document.ts'

export type Keyed = Readonly<Record<string, unknown>>

const FIELD = 'f:'
const ITEM = 'k:'
const VALUE = 'v:'

export function toKeyed(schema: ObjectSchema, document: object): Keyed {
  return keyedRecord(schema, document as Readonly<Record<string, unknown>>)
}

export function fromKeyed(schema: ObjectSchema, document: Keyed): Readonly<Record<string, unknown>> {
  return plainRecord(schema, document)
}

/** `.spec.containers[name="web"].image`, `.metadata.finalizers[="a.dev/b"]` */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join('')
}

function elementText(element: string): string {
  if (element.startsWith(ITEM)) return `[${keysText(element)}]`
  return element.startsWith(VALUE) ? `[=${element.slice(VALUE.length)}]` : `.${element.slice(FIELD.length)}`
}

/** The first of the fields that tell the items of a list apart; undefined for elements that are no such items. */
export function keyFieldOf(element: string): string | undefined {
  return element.startsWith(ITEM) ? `${FIELD}${Object.keys(keysOf(element))[0] ?? ''}` : undefined
}

/** The fields that tell the item of a list apart, with their values; empty for elements that are no such items. */
export function keyFieldsOf(element: string): Keyed {
  if (!element.startsWith(ITEM)) return {}
  return Object.fromEntries(Object.entries(keysOf(element)).map(([name, value]) => [`${FIELD}${name}`, value]))
}

function keyedRecord(schema: Schema | undefined, record: Readonly<Record<string, unknown>>): Keyed {
  const present = Object.entries(record).filter(([, value]) => value !== undefined && value !== null)
  return Object.fromEntries(present.map(([name, value]) => [`${FIELD}${name}`, keyed(within(schema, name), value)]))
}

function keyed(schema: Schema | undefined, value: unknown): unknown {
  if (isRecord(value)) return isWholeRecord(schema) ? [value] : keyedRecord(schema, value)
  if (!Array.isArray(value) || schema === undefined) return value
  const known = schema
  return known.kind === 'array' ? (keyedList(known, value) ?? value) : value
}

/** A map or object that is owned as a whole: in the keyed form a list with it alone. */
function isWholeRecord(schema: Schema | undefined): boolean {
  return schema !== undefined && (schema.kind === 'object' || schema.kind === 'map') && schema.atomic === true
}

/** Undefined when the list is owned as a whole, or its items are not told apart. */
function keyedList(schema: ArraySchema, list: readonly unknown[]): Keyed | undefined {
  // An empty one is nobody's: what others have put into the list stays.
  if (list.length === 0) return listTypeOf(schema).kind === 'atomic' ? undefined : {}
  const entries = list.map((item) => entryOf(schema, item)).filter((entry) => entry !== undefined)
  const map = Object.fromEntries(entries)
  return Object.keys(map).length === list.length ? map : undefined
}

function entryOf(schema: ArraySchema, item: unknown): readonly [string, unknown] | undefined {
  const type = listTypeOf(schema)
  if (type.kind === 'set') return [`${VALUE}${JSON.stringify(item)}`, item]
  if (type.kind === 'atomic' || !isRecord(item)) return undefined
  const id = identityOf(schema.items, type.keys, item)
  return id === undefined ? undefined : [`${ITEM}${JSON.stringify(id)}`, keyed(schema.items, item)]
}

/** The item's keys with their values; a key that it leaves out has the default of its field. */
function identityOf(
  items: Schema,
  keys: readonly string[],
  item: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | undefined {
  const fields = items.kind === 'object' ? items.fields : {}
  const values = keys.map((key) => item[key] ?? fields[key]?.default)
  const isComplete = values.every((value) => typeof value === 'string' || typeof value === 'number')
  return isComplete ? Object.fromEntries(keys.map((key, at) => [key, values[at]])) : undefined
}

function within(schema: Schema | undefined, name: string): Schema | undefined {
  if (schema === undefined) return undefined
  const known = schema
  if (known.kind === 'map') return known.values
  return known.kind === 'object' && Object.hasOwn(known.fields, name) ? known.fields[name]?.schema : undefined
}

function plainRecord(schema: Schema | undefined, record: Keyed): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(record).map(([element, value]) => {
      const name = element.slice(FIELD.length)
      return [name, plain(within(schema, name), value)]
    }),
  )
}

function plain(schema: Schema | undefined, value: unknown): unknown {
  if (Array.isArray(value)) return isWholeRecord(schema) ? (value[0] as unknown) : value
  if (!isRecord(value)) return value
  const items = schema?.kind === 'array' ? schema.items : undefined
  return items === undefined ? plainRecord(schema, value) : Object.values(value).map((item) => plain(items, item))
}

function keysOf(element: string): Readonly<Record<string, unknown>> {
  return JSON.parse(element.slice(ITEM.length)) as Readonly<Record<string, unknown>>
}

function keysText(element: string): string {
  return Object.entries(keysOf(element))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(',')
}
