/**
 * Shapes of values in a routing file: one description gives the decoder and the JSON Schema. A shape of a model's type
 * must name every field of that type, so the file and the model cannot drift apart: the compiler sees to it.
 */
import { joinFieldPath } from '../../base/yaml-place.ts'
import type { FieldPath } from '../../base/yaml-place.ts'

import { nearest } from '../../base/nearest.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

export interface Mistake {
  readonly path: FieldPath
  readonly message: string
}

/** A value of the file, where it stands in it, and where mistakes go. */
export interface At {
  readonly value: unknown
  readonly path: FieldPath
  readonly parent: At | undefined
  readonly mistakes: Mistake[]
}

const INVALID: unique symbol = Symbol('invalid')
type Decoded<T> = T | typeof INVALID

export interface Shape<T> {
  readonly decode: (at: At) => Decoded<T>
  readonly json: JsonSchema
}

/** A field of an object; `isFilled`: the decoded object always has it. */
export interface Field<T, Filled extends boolean = boolean> {
  readonly shape: Shape<T>
  readonly isFilled: Filled
  /** What it is when it is left out; undefined: it stays out, or must not be left out. */
  readonly fill: ((at: At) => T) | undefined
  readonly json: JsonSchema
}

/** One entry for every field of `T`; only what is optional in `T` may be missing from what is decoded. */
export type Fields<T> = {
  readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>, object extends Pick<T, K> ? boolean : true>
}

/** Decodes, or returns undefined when there are mistakes. */
export function decodeWith<T>(shape: Shape<T>, value: unknown, mistakes: Mistake[]): T | undefined {
  const decoded = shape.decode({ value, path: [], parent: undefined, mistakes })
  return decoded === INVALID || mistakes.length > 0 ? undefined : decoded
}

export function required<T>(shape: Shape<T>, description: string): Field<T, true> {
  return { shape, isFilled: true, fill: undefined, json: { ...shape.json, description } }
}

export function optional<T>(shape: Shape<T>, description: string): Field<T, false> {
  return { shape, isFilled: false, fill: undefined, json: { ...shape.json, description } }
}

/** A field that may be left out for `value`. */
export function byDefault<T>(shape: Shape<T>, value: NoInfer<T>, description: string): Field<T, true> {
  return { shape, isFilled: true, fill: () => value, json: { ...shape.json, default: value, description } }
}

/** A field that may be left out for what is derived from its surroundings; the description says how. */
export function derived<T>(shape: Shape<T>, fill: (at: At) => NoInfer<T>, description: string): Field<T, true> {
  return { shape, isFilled: true, fill, json: { ...shape.json, description } }
}

export function text({ pattern, what = 'a text' }: { pattern?: RegExp; what?: string } = {}): Shape<string> {
  return {
    decode: (at) => {
      if (typeof at.value === 'string' && pattern?.test(at.value) !== false) return at.value
      const cure = typeof at.value === 'number' || typeof at.value === 'boolean' ? '; put it in quotes' : ''
      return wrong(at, `${what}${cure}`)
    },
    json: { type: 'string', ...(pattern === undefined ? {} : { pattern: pattern.source }) },
  }
}

export function integer({ min, max }: { readonly min: number; readonly max: number }): Shape<number> {
  return {
    decode: (at) =>
      Number.isInteger(at.value) && Number(at.value) >= min && Number(at.value) <= max
        ? Number(at.value)
        : wrong(at, `a whole number from ${min} to ${max}`),
    json: { type: 'integer', minimum: min, maximum: max },
  }
}

/** A share of a whole. */
export function share(): Shape<number> {
  return {
    decode: (at) =>
      typeof at.value === 'number' && at.value >= 0 && at.value <= 1 ? at.value : wrong(at, 'a number from 0 to 1'),
    json: { type: 'number', minimum: 0, maximum: 1 },
  }
}

export function number({ above }: { readonly above: number }): Shape<number> {
  return {
    decode: (at) =>
      typeof at.value === 'number' && Number.isFinite(at.value) && at.value > above
        ? at.value
        : wrong(at, `a number above ${above}`),
    json: { type: 'number', exclusiveMinimum: above },
  }
}

export function boolean(): Shape<boolean> {
  return {
    decode: (at) => (typeof at.value === 'boolean' ? at.value : wrong(at, 'true or false')),
    json: { type: 'boolean' },
  }
}

/** One of a few texts or numbers. */
export function choice<const V extends string | number>(values: readonly V[]): Shape<V> {
  return {
    decode: (at) => {
      const found = values.find((value) => value === at.value)
      return found ?? wrong(at, `${values.length === 1 ? '' : 'one of '}${values.join(', ')}`, values.map(String))
    },
    json: { enum: values },
  }
}

export function list<T>(items: Shape<T>, { min = 0 }: { readonly min?: number } = {}): Shape<readonly T[]> {
  return {
    decode: (at) => {
      if (!Array.isArray(at.value)) return wrong(at, 'a list')
      if (at.value.length < min) return wrong(at, `a list of at least ${min}`)
      const decoded = at.value.map((_, index): Decoded<T> => items.decode(child(at, index)))
      const good = decoded.flatMap((item) => (item === INVALID ? [] : [item]))
      return good.length < decoded.length ? INVALID : good
    },
    json: { type: 'array', items: items.json, ...(min === 0 ? {} : { minItems: min }) },
  }
}

/** Any names, each with a value of one shape. */
export function map<T>(values: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return {
    decode: (at) => {
      if (!isRecord(at.value)) return wrong(at, 'an object')
      const entries = Object.keys(at.value).map((name) => [name, values.decode(child(at, name))] as const)
      const decoded = entries.flatMap(([name, value]) => (value === INVALID ? [] : [[name, value] as const]))
      return decoded.length < entries.length ? INVALID : Object.fromEntries(decoded)
    },
    json: { type: 'object', additionalProperties: values.json },
  }
}

export function object<T extends object>(fields: Fields<T>): Shape<T> {
  const all: Readonly<Record<string, Field<unknown>>> = fields
  return {
    // The fields are those of T, each decoded by its shape.
    decode: (at) => decodeObject(at, all) as Decoded<T>,
    json: objectJson(all),
  }
}

type Variant<T, K> = T extends { readonly kind: infer Q } ? (K extends Q ? Omit<T, 'kind'> : never) : never

/** A union by its field `kind`; where `otherwise` is given, `kind` may be left out for it. */
export function variants<T extends { readonly kind: string }>(
  cases: { readonly [K in T['kind']]: Fields<Variant<T, K>> },
  { otherwise }: { readonly otherwise?: NoInfer<T['kind']> } = {},
): Shape<T> {
  const byKind = new Map<string, Readonly<Record<string, Field<unknown>>>>(
    Object.entries<Readonly<Record<string, Field<unknown>>>>(cases).map(([kind, fields]) => {
      const field = kind === otherwise ? byDefault(choice([kind]), kind, '') : required(choice([kind]), '')
      return [kind, { kind: { ...field, json: { const: kind } }, ...fields }]
    }),
  )
  return {
    decode: (at) => {
      if (!isRecord(at.value)) return wrong(at, 'an object')
      const kind = at.value['kind'] ?? otherwise
      const fields = typeof kind === 'string' ? byKind.get(kind) : undefined
      // The fields are those of the variant with this kind.
      if (fields !== undefined) return decodeObject(at, fields) as Decoded<T>
      const kinds = [...byKind.keys()]
      if (kind === undefined) return report(at, `Cannot tell what this is: set "kind" to one of ${kinds.join(', ')}`)
      return wrong(child(at, 'kind'), `one of ${kinds.join(', ')}`, kinds)
    },
    json: { oneOf: [...byKind.values()].map(objectJson) },
  }
}

export function refined<T>(shape: Shape<T>, refine: (value: T) => T): Shape<T> {
  return {
    decode: (at) => {
      const decoded = shape.decode(at)
      return decoded === INVALID ? INVALID : refine(decoded)
    },
    json: shape.json,
  }
}

/** A shape for which a text may stand; `read` says what the text means, undefined when it means nothing. */
export function orText<T>(
  shape: Shape<T>,
  { read, what }: { readonly read: (text: string) => T | undefined; readonly what: string },
): Shape<T> {
  return {
    decode: (at) => (typeof at.value === 'string' ? (read(at.value) ?? wrong(at, what)) : shape.decode(at)),
    json: { anyOf: [{ type: 'string', description: what }, shape.json] },
  }
}

function decodeObject(at: At, fields: Readonly<Record<string, Field<unknown>>>): Decoded<object> {
  const { value } = at
  if (!isRecord(value)) return wrong(at, 'an object')
  reportUnknown(at, Object.keys(value), Object.keys(fields))
  const decoded = Object.entries(fields).map(([name, field]) => [name, decodeField(child(at, name), field)] as const)
  if (decoded.some(([, each]) => each === INVALID)) return INVALID
  return Object.fromEntries(decoded.filter(([, each]) => each !== undefined))
}

/** `name:` with nothing behind it leaves the field out. */
function decodeField(at: At, { shape, isFilled, fill, json }: Field<unknown>): unknown {
  if (at.value !== undefined && at.value !== null) return shape.decode(at)
  if (fill !== undefined) return fill(at)
  return isFilled ? report(at, `Cannot leave this out: ${lowerFirst(String(json['description']))}`) : undefined
}

function reportUnknown(at: At, given: readonly string[], known: readonly string[]): void {
  for (const name of given.filter((each) => !known.includes(each))) {
    const meant = nearest(name, known)
    const cure = meant === undefined ? `there are: ${known.join(', ')}` : `did you mean "${meant}"?`
    report(child(at, name), `Cannot use "${name}": there is no such field here; ${cure}`)
  }
}

function objectJson(fields: Readonly<Record<string, Field<unknown>>>): JsonSchema {
  const mandatory = Object.entries(fields).filter(([, { isFilled, fill }]) => isFilled && fill === undefined)
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(fields).map(([name, { json }]) => [name, json])),
    ...(mandatory.length === 0 ? {} : { required: mandatory.map(([name]) => name) }),
    additionalProperties: false,
  }
}

function child(at: At, key: string | number): At {
  const value = Array.isArray(at.value) ? at.value[Number(key)] : isRecord(at.value) ? at.value[key] : undefined
  return { value, path: [...at.path, key], parent: at, mistakes: at.mistakes }
}

function wrong(at: At, expected: string, known: readonly string[] = []): typeof INVALID {
  const meant = typeof at.value === 'string' ? nearest(at.value, known) : undefined
  const cure = meant === undefined ? '' : `; did you mean "${meant}"?`
  return report(at, `Cannot use ${nameOf(at.value)}: expected ${expected}${cure}`)
}

function report(at: At, message: string): typeof INVALID {
  at.mistakes.push({ path: at.path, message })
  return INVALID
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : JSON.stringify(value)
}

function isRecord(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}

/** `routeTables[0].virtualHosts[1]`: the name of something that was given none. */
export function placeName(at: At): string {
  return joinFieldPath(at.path)
}
