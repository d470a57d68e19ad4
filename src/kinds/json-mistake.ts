/**
 * The first value of another JSON type than its field, in the words of a real API server: Go's `encoding/json`, which
 * names the struct around the field and the path without positions in lists. Clients and their users know these words.
 */
import { assertNever } from '../base/assert.ts'
import type { JsonObject } from '../kube/json-value.ts'
import { isJsonArray, isJsonObject, jsonTypeOf } from '../kube/json-value.ts'
import { isOfType } from './check.ts'
import type { ObjectSchema, Schema, StringSchema } from './schema.ts'

/** Undefined where all values are of the right type. `kind` is the name of the struct that the schema stands for. */
export function jsonMistake(kind: string, schema: ObjectSchema, value: unknown): string | undefined {
  return mistakeIn(schema, value, { struct: kind, path: '' })
}

interface Place {
  /** Go's type of the object that has the field. */
  readonly struct: string
  /** `spec.template.spec.containers.image` */
  readonly path: string
}

/** Values are visited in the order of the text, as Go reads them. */
function mistakeIn(schema: Schema, value: unknown, place: Place): string | undefined {
  if (value === null || value === undefined) return undefined
  if (!isOfType(schema, value)) return wrong(schema, value, place)
  const known = schema
  switch (known.kind) {
    case 'object':
      return isJsonObject(value) ? firstInFields(known, value, place) : undefined
    case 'map':
      return isJsonObject(value)
        ? first(Object.values(value), (each) => mistakeIn(known.values, each, place))
        : undefined
    case 'array':
      return isJsonArray(value) ? first(value, (each) => mistakeIn(known.items, each, place)) : undefined
    case 'string':
    case 'integer':
    case 'number':
    case 'boolean':
    case 'int-or-string':
    case 'any':
      return undefined
    default:
      return assertNever(known)
  }
}

function firstInFields(schema: ObjectSchema, value: JsonObject, { struct, path }: Place): string | undefined {
  const inside = schema.name?.split('.').at(-1) ?? struct
  return first(Object.keys(value), (name) => {
    const field = Object.hasOwn(schema.fields, name) ? schema.fields[name] : undefined
    const place = { struct: inside, path: path === '' ? name : `${path}.${name}` }
    return field === undefined ? undefined : mistakeIn(field.schema, value[name], place)
  })
}

function first<T>(items: readonly T[], find: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}

/** Types that read their own JSON know nothing of the field they stand in. */
function wrong(schema: Schema, value: unknown, { struct, path }: Place): string {
  const found = typeof value === 'number' && schema.kind === 'integer' ? `number ${value}` : goValue(value)
  if (schema.kind === 'string' && schema.format === 'quantity') return QUANTITY_RULE
  const isOwnReader = schema.kind === 'int-or-string' || isTimeLike(schema)
  const where = isOwnReader || path === '' ? 'value' : `struct field ${struct}.${path}`
  return `json: cannot unmarshal ${found} into Go ${where} of type ${goType(schema, struct)}`
}

const QUANTITY_RULE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

function isTimeLike(schema: Schema): boolean {
  return schema.kind === 'string' && schema.format !== undefined && schema.format !== 'byte'
}

function goValue(value: unknown): string {
  const type = jsonTypeOf(value)
  return type === 'boolean' ? 'bool' : type
}

function goType(schema: Schema, struct: string): string {
  const known = schema
  switch (known.kind) {
    case 'object':
      // `io.k8s.api.apps.v1.DeploymentSpec` is v1.DeploymentSpec.
      return known.name?.split('.').slice(-2).join('.') ?? `v1.${struct}`
    case 'map':
      return `map[string]${goType(known.values, struct)}`
    case 'array':
      return `[]${goType(known.items, struct)}`
    case 'string':
      return goText(known)
    case 'integer':
      return known.format ?? 'int64'
    case 'number':
      return 'float64'
    case 'boolean':
      return 'bool'
    case 'int-or-string':
      return 'int32'
    case 'any':
      return 'interface {}'
    default:
      return assertNever(known)
  }
}

function goText({ format }: StringSchema): string {
  if (format === 'byte') return '[]uint8'
  return format === 'quantity' ? 'resource.Quantity' : 'string'
}
