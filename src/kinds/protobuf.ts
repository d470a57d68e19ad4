/**
 * Reads the protobuf that kubectl >= 1.32 sends for what it creates, by the field numbers in the kinds' schemas.
 * Source: Kubernetes' published .proto files; apimachinery runtime/serializer/protobuf for the envelope.
 */
import { assertNever } from '../base/assert.ts'
import type { KubeObject } from '../kube/object.ts'
import { deleteOptions } from './metadata.ts'
import type { WireValue } from './protobuf/reader.ts'
import { ProtobufError, readFields } from './protobuf/reader.ts'
import type { Field, ObjectSchema, Schema, StringSchema } from './schema.ts'

/** `k8s` and a NUL stand before every Kubernetes protobuf. */
const MAGIC = [0x6b, 0x38, 0x73, 0x00]

export type FindSchema = (apiVersion: string, kind: string) => ObjectSchema | undefined

/**
 * The object as its JSON would be. Fields without a number in the schema are left out.
 * @throws ProtobufError, also for a kind that `findSchema` does not know.
 */
export function decodeProtobuf(bytes: Uint8Array, findSchema: FindSchema): KubeObject {
  const { apiVersion, kind, raw } = readEnvelope(bytes)
  // DeleteOptions belong to every group.
  const schema = findSchema(apiVersion, kind) ?? (kind === 'DeleteOptions' ? deleteOptions : undefined)
  if (schema === undefined) {
    throw new ProtobufError(`no kind "${kind}" is registered for version "${apiVersion}"`)
  }
  return { metadata: {}, ...decodeMessage(schema, raw), apiVersion, kind }
}

interface Envelope {
  readonly apiVersion: string
  readonly kind: string
  readonly raw: Uint8Array
}

/** runtime.Unknown: 1 TypeMeta (1 apiVersion, 2 kind), 2 the object's bytes, 3 content encoding, 4 content type. */
function readEnvelope(bytes: Uint8Array): Envelope {
  if (!MAGIC.every((byte, at) => bytes[at] === byte)) {
    throw new ProtobufError('the body does not start with the mark of Kubernetes protobuf')
  }
  let type: Uint8Array = new Uint8Array()
  let raw: Uint8Array = new Uint8Array()
  for (const { number, value } of readFields(bytes.subarray(MAGIC.length))) {
    if (number === 1) type = bytesOf(value)
    if (number === 2) raw = bytesOf(value)
    if (number === 3 && bytesOf(value).length > 0) throw new ProtobufError('the body has a content encoding')
  }
  return { apiVersion: fieldText(type, 1), kind: fieldText(type, 2), raw }
}

type Message = Readonly<Record<string, unknown>>
type NamedField = readonly [name: string, field: Field]

function decodeMessage(schema: ObjectSchema, bytes: Uint8Array): Message {
  const result: Record<string, unknown> = {}
  readInto(result, Object.entries(schema.fields), bytes)
  return result
}

/** Fills `result`: what JSON flattens out of a wrapper message lands in it as well. */
function readInto(result: Record<string, unknown>, fields: readonly NamedField[], bytes: Uint8Array): void {
  for (const { number, value } of readFields(bytes)) {
    const wrapped = fields.filter(([, field]) => field.protobufWithin === number)
    if (wrapped.length > 0) readInto(result, wrapped.map(unwrapped), bytesOf(value))
    const found = fields.find(([, field]) => field.protobufWithin === undefined && field.protobuf === number)
    if (found !== undefined) assign(result, found, value)
  }
}

function unwrapped([name, { protobufWithin: _wrapper, ...field }]: NamedField): NamedField {
  return [name, field]
}

function assign(result: Record<string, unknown>, [name, field]: NamedField, value: WireValue): void {
  const schema = field.schema
  if (schema.kind === 'array') {
    // Items and entries come one by one: a copy of what there is for each would cost the square of their number.
    const items = (result[name] ??= []) as unknown[]
    items.push(decode(schema.items, value))
  } else if (schema.kind === 'map') {
    const entries = (result[name] ??= {}) as Record<string, unknown>
    const [key, entry] = decodeEntry(schema.values, bytesOf(value))
    Object.defineProperty(entries, key, { value: entry, writable: true, enumerable: true, configurable: true })
  } else {
    const decoded = decode(schema, value)
    // Go writes every field that is not a pointer, set or not.
    const isUnset = decoded === undefined || (isZero(decoded) && !field.required && field.explicit !== true)
    if (!isUnset) result[name] = decoded
  }
}

function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === false
}

/** map entry: 1 key, 2 value; a missing value is the type's zero. */
function decodeEntry(values: Schema, bytes: Uint8Array): readonly [key: string, value: unknown] {
  let key = ''
  let value: unknown
  for (const field of readFields(bytes)) {
    if (field.number === 1) key = text(bytesOf(field.value))
    if (field.number === 2) value = decode(values, field.value)
  }
  return [key, value ?? (values.kind === 'string' ? '' : {})]
}

function decode(schema: Schema, value: WireValue): unknown {
  const known = schema
  switch (known.kind) {
    case 'object':
      return decodeMessage(known, bytesOf(value))
    case 'string':
      return decodeText(known, bytesOf(value))
    case 'integer':
      return numberOf(value)
    case 'boolean':
      return numberOf(value) !== 0
    case 'int-or-string':
      return decodeIntOrString(bytesOf(value))
    case 'any':
      return decodeEmbeddedJson(bytesOf(value))
    case 'number':
    case 'array':
    case 'map':
      throw new ProtobufError(`a value of kind ${known.kind} cannot stand here`)
    default:
      return assertNever(known)
  }
}

function decodeText({ format }: StringSchema, bytes: Uint8Array): string | undefined {
  switch (format) {
    case undefined:
      return text(bytes)
    case 'byte':
      return Buffer.from(bytes).toString('base64')
    case 'quantity':
      return fieldText(bytes, 1)
    case 'time':
      return decodeTime(bytes, 0)
    case 'micro-time':
      return decodeTime(bytes, 6)
    case 'duration':
      return `${fieldNumber(bytes, 1) / NANOS_PER_SECOND}s`
    default:
      return assertNever(format)
  }
}

const NANOS_PER_SECOND = 1e9

/** Time: 1 seconds, 2 nanos; an empty message is a time that was not set. */
function decodeTime(bytes: Uint8Array, fractionDigits: number): string | undefined {
  if (bytes.length === 0) return undefined
  const whole = new Date(fieldNumber(bytes, 1) * 1000).toISOString().slice(0, 'YYYY-MM-DDThh:mm:ss'.length)
  const fraction = String(fieldNumber(bytes, 2)).padStart(9, '0').slice(0, fractionDigits)
  return `${whole}${fraction === '' ? '' : `.${fraction}`}Z`
}

/** IntOrString: 1 type (0 int, 1 string), 2 int, 3 string. */
function decodeIntOrString(bytes: Uint8Array): number | string {
  return fieldNumber(bytes, 1) === 0 ? fieldNumber(bytes, 2) : fieldText(bytes, 3)
}

/** FieldsV1, RawExtension: JSON in field 1. */
function decodeEmbeddedJson(bytes: Uint8Array): unknown {
  const json = fieldText(bytes, 1)
  return json === '' ? undefined : (JSON.parse(json) as unknown)
}

function fieldNumber(message: Uint8Array, number: number): number {
  const found = [...readFields(message)].findLast((field) => field.number === number)
  return found === undefined ? 0 : numberOf(found.value)
}

function fieldText(message: Uint8Array, number: number): string {
  const found = [...readFields(message)].findLast((field) => field.number === number)
  return found === undefined ? '' : text(bytesOf(found.value))
}

function bytesOf(value: WireValue): Uint8Array {
  if (value.kind === 'bytes') return value.bytes
  throw new ProtobufError('found a number where a message or text must stand')
}

function numberOf(value: WireValue): number {
  if (value.kind === 'varint') return Number(value.value)
  throw new ProtobufError('found a message or text where a number must stand')
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}
