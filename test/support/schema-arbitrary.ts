/** Values that fit a schema, and their protobuf as a Go client would send it: the other side of `decodeProtobuf`. */
import * as fc from 'fast-check'
import { assertNever } from '../../src/base/assert.ts'
import { lengthField, varintField } from '../../src/kinds/protobuf/writer.ts'
import type { Field, ObjectSchema, Schema, StringSchema } from '../../src/kinds/schema.ts'

type Json = Readonly<Record<string, unknown>>

const OPTIONAL_FIELDS_MAX = 4

/** Objects with all required fields and a few others: a Pod has some 800 fields, so each run sees a different corner. */
export function objectsOf({ fields }: ObjectSchema): fc.Arbitrary<Json> {
  const names = Object.keys(fields)
  const required = names.filter((name) => fields[name]?.required === true)
  const optional = names.filter((name) => !required.includes(name))
  return fc.subarray(optional, { maxLength: Math.min(OPTIONAL_FIELDS_MAX, optional.length) }).chain((chosen) => {
    const entries = [...required, ...chosen].map((name) => [name, fieldValues(fields[name])] as const)
    return fc.record(Object.fromEntries(entries), { noNullPrototype: true })
  })
}

/** Zeros of optional scalars are "absent" in protobuf, unless they are explicit. */
function fieldValues(field: Field | undefined): fc.Arbitrary<unknown> {
  if (field === undefined) return fc.constant(undefined)
  const values = valuesOf(field.schema)
  if (field.required || field.explicit === true) return values
  return values.filter((one) => one !== '' && one !== 0 && one !== false)
}

function valuesOf(schema: Schema): fc.Arbitrary<unknown> {
  switch (schema.kind) {
    case 'object':
      return objectsOf(schema)
    case 'array':
      return fc.array(valuesOf(schema.items), { minLength: 1, maxLength: 2 })
    case 'map':
      return fc
        .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,3}$/), valuesOf(schema.values)), {
          selector: ([key]) => key,
          minLength: 1,
          maxLength: 2,
        })
        .map((entries) => Object.fromEntries(entries))
    case 'string':
      return textsOf(schema)
    case 'integer':
      return fc.integer({ min: schema.format === 'int32' ? -(2 ** 31) : -(2 ** 52), max: 2 ** 31 - 1 })
    case 'number':
      return fc.double({ noNaN: true, noDefaultInfinity: true })
    case 'boolean':
      return fc.boolean()
    case 'int-or-string':
      return fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.stringMatching(/^[a-z]{1,5}$/))
    case 'any':
      return fc.constantFrom({ some: ['json', 1, null] }, { 'f:spec': { '.': {} } })
    default:
      return assertNever(schema)
  }
}

function textsOf({ format, values }: StringSchema): fc.Arbitrary<string> {
  if (values !== undefined) return fc.constantFrom(...values.filter((value) => value !== ''))
  switch (format) {
    case undefined:
      return fc.string({ maxLength: 5, unit: 'grapheme' })
    case 'time':
      return fc
        .integer({ min: 1, max: 4e9 })
        .map((seconds) => new Date(seconds * 1000).toISOString().replace('.000', ''))
    case 'micro-time':
      return fc
        .integer({ min: 1, max: 4e9 })
        .map((seconds) => new Date(seconds * 1000).toISOString().replace('.000', '.123456'))
    case 'byte':
      return fc.uint8Array({ minLength: 1, maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString('base64'))
    case 'quantity':
      return fc.constantFrom('100m', '1', '64Mi', '1.5')
    case 'duration':
      return fc.constantFrom('30s', '1.5s')
    default:
      return assertNever(format)
  }
}

/** The body of a create request of kubectl >= 1.32. */
export function encodeProtobuf(schema: ObjectSchema, object: Json): Uint8Array {
  const { apiVersion, kind, ...rest } = object
  const type = Buffer.concat([lengthField(1, String(apiVersion)), lengthField(2, String(kind))])
  const unknown = [
    lengthField(1, type),
    lengthField(2, encodeMessage(schema, rest)),
    lengthField(3, ''),
    lengthField(4, ''),
  ]
  return Buffer.concat([Buffer.from('k8s\0'), ...unknown])
}

function encodeMessage({ fields }: ObjectSchema, value: Json): Uint8Array {
  const named = Object.entries(fields)
  const direct = named.filter(([, { protobufWithin }]) => protobufWithin === undefined)
  const wrappers = [...new Set(named.flatMap(([, { protobufWithin }]) => protobufWithin ?? []))]
  return Buffer.concat([
    ...direct.map((field) => encodeField(field, value)),
    ...wrappers.map((wrapper) => {
      const inner = named.filter(([, { protobufWithin }]) => protobufWithin === wrapper)
      return lengthField(wrapper, Buffer.concat(inner.map((field) => encodeField(field, value))))
    }),
  ])
}

/** Go writes each scalar that is no pointer, set or not. */
function encodeField(
  [name, { schema, protobuf, required, explicit }]: readonly [string, Field],
  parent: Json,
): Uint8Array {
  const value = parent[name]
  if (protobuf === undefined) return Buffer.alloc(0)
  if (value !== undefined) return encodeValue(schema, protobuf, value)
  if (required || explicit === true) return Buffer.alloc(0)
  if (schema.kind === 'string' && schema.format === undefined) return lengthField(protobuf, '')
  if (schema.kind === 'integer' || schema.kind === 'boolean') return varintField(protobuf, 0n)
  return Buffer.alloc(0)
}

function encodeValue(schema: Schema, number: number, value: unknown): Uint8Array {
  switch (schema.kind) {
    case 'object':
      return lengthField(number, encodeMessage(schema, value as Json))
    case 'array':
      return Buffer.concat((value as readonly unknown[]).map((item) => encodeValue(schema.items, number, item)))
    case 'map':
      return Buffer.concat(
        Object.entries(value as Json).map(([key, entry]) =>
          lengthField(number, Buffer.concat([lengthField(1, key), encodeValue(schema.values, 2, entry)])),
        ),
      )
    case 'string':
      return lengthField(number, encodeText(schema, String(value)))
    case 'integer':
      return varintField(number, BigInt(value as number))
    case 'boolean':
      return varintField(number, value === true ? 1n : 0n)
    case 'int-or-string':
      return lengthField(
        number,
        typeof value === 'number'
          ? Buffer.concat([varintField(1, 0n), varintField(2, BigInt(value))])
          : Buffer.concat([varintField(1, 1n), lengthField(3, String(value))]),
      )
    case 'any':
      return lengthField(number, lengthField(1, JSON.stringify(value)))
    case 'number':
      throw new Error(`no published kind has a field of kind ${schema.kind}`)
    default:
      return assertNever(schema)
  }
}

function encodeText({ format }: StringSchema, text: string): Uint8Array {
  switch (format) {
    case undefined:
      return Buffer.from(text)
    case 'byte':
      return Buffer.from(text, 'base64')
    case 'quantity':
      return lengthField(1, text)
    case 'time':
    case 'micro-time': {
      const nanos = format === 'time' ? 0n : BigInt(text.slice(20, 26)) * 1000n
      return Buffer.concat([varintField(1, BigInt(Math.floor(Date.parse(text) / 1000))), varintField(2, nanos)])
    }
    case 'duration':
      return varintField(1, BigInt(Number.parseFloat(text) * 1e9))
    default:
      return assertNever(format)
  }
}
