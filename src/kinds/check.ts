/**
 * From any JSON to the shape of a kind: unknown fields are left out and named, nulls count as absent, wrong types and
 * missing fields are located. Pure. What a schema cannot say is each kind's `validate`.
 */
import { assertNever } from '../base/assert.ts'
import { nearest } from '../base/nearest.ts'
import type { JsonObject } from '../kube/json-value.ts'
import { entryOf, isJsonArray, isJsonObject, jsonTypeOf } from '../kube/json-value.ts'
import type { FieldError } from './kind.ts'
import { formatProblem } from './formats.ts'
import type { Field, ObjectSchema, Schema, StringSchema } from './schema.ts'

export interface CheckedObject {
  /** The value without unknown fields and nulls. In the schema's shape only if there are no errors. */
  readonly value: unknown
  readonly errors: readonly FieldError[]
  /** Paths, as the API names them: `spec.template.spec.containers[0].imagee`. */
  readonly unknownFields: readonly string[]
  /** What was probably meant by an unknown field, by its path: `"image"`. */
  readonly meant: ReadonlyMap<string, string>
}

/** Unknown fields that are compared with the known ones; the rest of a body that is wrong throughout is only named. */
const MEANT_MAX = 20

export function checkObject(schema: ObjectSchema, value: unknown): CheckedObject {
  const findings: Findings = { errors: [], unknownFields: [], meant: new Map() }
  return { value: checkValue(schema, value, '', findings), ...findings }
}

interface Findings {
  readonly errors: FieldError[]
  readonly unknownFields: string[]
  readonly meant: Map<string, string>
}

function checkValue(schema: Schema, value: unknown, path: string, findings: Findings): unknown {
  if (!isOfType(schema, value)) return wrongType(schema, value, path, findings)
  const known = schema
  switch (known.kind) {
    case 'object':
      return checkFields(known, value as JsonObject, path, findings)
    case 'map':
      return checkEntries(known.values, value as JsonObject, path, findings)
    case 'array':
      return (value as readonly unknown[]).map((item, at) => checkValue(known.items, item, `${path}[${at}]`, findings))
    case 'string':
      return checkText(known, String(value), path, findings)
    case 'integer':
    case 'number':
    case 'boolean':
    case 'int-or-string':
    case 'any':
      return value
    default:
      return assertNever(known)
  }
}

/** Whether it is JSON of the schema's type, whatever is inside. */
export function isOfType(schema: Schema, value: unknown): boolean {
  const known = schema
  switch (known.kind) {
    case 'object':
    case 'map':
      return isJsonObject(value)
    case 'array':
      return isJsonArray(value)
    case 'string':
      // A quantity may be written as a number: `cpu: 2`.
      return typeof value === 'string' || (known.format === 'quantity' && typeof value === 'number')
    case 'integer':
      return isInteger(value, known.format === 'int32' ? INT32 : INT64)
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
    case 'boolean':
      return typeof value === 'boolean'
    case 'int-or-string':
      return typeof value === 'string' || isInteger(value, INT32)
    case 'any':
      return true
    default:
      return assertNever(known)
  }
}

function checkFields(schema: ObjectSchema, value: JsonObject, path: string, findings: Findings): JsonObject {
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(schema.fields, name)) reportUnknown(schema, name, join(path, name), findings)
  }
  const entries = Object.entries(schema.fields).flatMap(([name, field]) => {
    const given = entryOf(value, name) ?? undefined
    if (given === undefined) return field.required ? absent(field, join(path, name), findings) : []
    const checked = checkValue(field.schema, given, join(path, name), findings)
    return checked === undefined || (!isInStatus(path) && isUnset(field, checked)) ? [] : [[name, checked] as const]
  })
  return Object.fromEntries(entries)
}

function reportUnknown({ fields, instead = {} }: ObjectSchema, name: string, path: string, findings: Findings): void {
  findings.unknownFields.push(path)
  if (findings.unknownFields.length > MEANT_MAX) return
  const near = nearest(name, Object.keys(fields))
  const meant = Object.hasOwn(instead, name) ? instead[name] : near === undefined ? undefined : `"${near}"`
  if (meant !== undefined) findings.meant.set(path, meant)
}

/**
 * In Kubernetes' own kinds 0, false and '' mean absent unless the field is a pointer in Go. A Go client that reads such an
 * object and writes it back leaves them out: kept here, that would be a change of the spec, or even of a pod template.
 * A status keeps its zeros, as its changes are not counted.
 */
function isUnset({ schema, required, protobuf, explicit }: Field, value: unknown): boolean {
  const isPlain = !required && protobuf !== undefined && explicit !== true && schema.kind !== 'int-or-string'
  return isPlain && (value === 0 || value === false || value === '')
}

function isInStatus(path: string): boolean {
  return path === 'status' || path.startsWith('status.')
}

/** A missing object with required fields is reported by those: `spec.selector`, not `spec`. */
function absent(field: Field, path: string, findings: Findings): [] {
  const schema = field.schema
  const inner = schema.kind === 'object' ? Object.entries(schema.fields).filter(([, { required }]) => required) : []
  for (const [name, one] of inner) absent(one, join(path, name), findings)
  if (inner.length === 0) findings.errors.push({ reason: 'FieldValueRequired', field: path, message: 'Required value' })
  return []
}

function checkEntries(values: Schema, value: JsonObject, path: string, findings: Findings): JsonObject {
  const entries = Object.entries(value).flatMap(([key, entry]) =>
    // A null in a map of strings is the empty string to the API, which most likely was not meant: absent, as elsewhere.
    entry === null ? [] : [[key, checkValue(values, entry, join(path, key), findings)] as const],
  )
  return Object.fromEntries(entries)
}

function checkText(schema: StringSchema, text: string, path: string, findings: Findings): string | undefined {
  // Clients in Go write '' for a word they did not choose.
  if (schema.values !== undefined && text === '' && !schema.values.includes('')) return undefined
  const problem = formatProblem(schema, text)
  if (problem !== undefined) findings.errors.push({ ...problem, field: path })
  return text
}

const INT32 = { min: -(2 ** 31), max: 2 ** 31 - 1 }
const INT64 = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }

function isInteger(value: unknown, { min, max }: { readonly min: number; readonly max: number }): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
}

const SHOWN_CHARACTERS_MAX = 60

function wrongType(schema: Schema, value: unknown, path: string, findings: Findings): undefined {
  const shown = JSON.stringify(value) ?? 'null'
  const text = shown.length > SHOWN_CHARACTERS_MAX ? `${shown.slice(0, SHOWN_CHARACTERS_MAX)}...` : shown
  findings.errors.push({
    reason: 'FieldValueTypeInvalid',
    field: path,
    message: `Invalid value: ${text}: must be of type ${typeName(schema)}, not ${jsonTypeOf(value)}`,
  })
  return undefined
}

function typeName(schema: Schema): string {
  if (schema.kind === 'map') return 'object'
  if (schema.kind === 'int-or-string') return 'integer or string'
  return schema.kind === 'integer' || schema.kind === 'number' ? (schema.format ?? schema.kind) : schema.kind
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}
