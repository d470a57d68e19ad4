/** Schemas in OpenAPI v3's words, with Kubernetes' extensions. Named ones become components, the others are inlined. */
import { assertNever } from '../../base/assert.ts'
import type { ResourceType } from '../../kube/object.ts'
import type { Kind } from '../kind.ts'
import type { ArraySchema, Field, ObjectSchema, Schema, StringSchema } from '../schema.ts'
import { listTypeOf } from '../schema.ts'
import { DESCRIPTIONS } from './descriptions.ts'

type Json = Readonly<Record<string, unknown>>

/** The components that the kinds reach, by name. */
export function componentsOf(kinds: readonly Kind[]): Json {
  const components = new Map<string, Json>()
  for (const { type, schema } of kinds) {
    const { group, version, kind } = type
    const root = { ...schema, name: rootName(type, schema) }
    addComponent(root, components)
    components.set(root.name, {
      ...components.get(root.name),
      'x-kubernetes-group-version-kind': [{ group, version, kind }],
    })
  }
  return Object.fromEntries([...components].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** `io.solo.gateway.v1.VirtualService`, where nothing is published. */
export function rootName({ group, version, kind }: ResourceType, schema: ObjectSchema): string {
  return schema.name ?? [...group.split('.').toReversed(), version, kind].join('.')
}

function addComponent(schema: ObjectSchema & { readonly name: string }, components: Map<string, Json>): void {
  if (components.has(schema.name)) return
  // Holds the place: a schema may reach itself.
  components.set(schema.name, {})
  components.set(schema.name, objectSchema(schema, components))
}

function objectSchema({ fields, name: schemaName = '', atomic }: ObjectSchema, components: Map<string, Json>): Json {
  const title = schemaName.slice(schemaName.lastIndexOf('.') + 1)
  const required = Object.entries(fields).flatMap(([name, field]) =>
    field.required && field.publishedOptional !== true ? [name] : [],
  )
  const properties = Object.entries(fields).map(([name, field]) => [
    name,
    property({ ...described(`${title}.${name}`), ...field }, components),
  ])
  return {
    ...described(title),
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(properties),
    ...mapType(atomic),
  }
}

function mapType(atomic: true | undefined): Json {
  return atomic === true ? { 'x-kubernetes-map-type': 'atomic' } : {}
}

function described(path: string): { readonly description?: string } {
  const description = DESCRIPTIONS[path]
  return description === undefined ? {} : { description }
}

/** A reference allows nothing beside it: with a description or an extension it is wrapped. */
function property({ schema, description, default: preset }: Field, components: Map<string, Json>): Json {
  const value = toOpenApi(schema, components)
  const beside = {
    ...(description === undefined ? {} : { description }),
    ...(preset === undefined ? {} : { default: preset }),
    ...(isUnion(schema) ? { 'x-kubernetes-patch-strategy': 'retainKeys' } : {}),
  }
  if (Object.keys(beside).length === 0) return value
  return '$ref' in value ? { ...beside, allOf: [value] } : { ...beside, ...value }
}

/** A client that makes strategic patches must name in them all that such an object keeps. */
function isUnion(schema: Schema): boolean {
  const known = schema
  return known.kind === 'object' && known.retainKeys === true
}

function toOpenApi(schema: Schema, components: Map<string, Json>): Json {
  const known = schema
  switch (known.kind) {
    case 'object':
      return reference(known, components)
    case 'array':
      return arraySchema(known, components)
    case 'map':
      return { type: 'object', additionalProperties: toOpenApi(known.values, components), ...mapType(known.atomic) }
    case 'string':
      return known.format === 'quantity' ? scalarReference(QUANTITY, components) : stringSchema(known)
    case 'integer':
    case 'number':
      return { type: known.kind, ...(known.format === undefined ? {} : { format: known.format }) }
    case 'boolean':
      return { type: 'boolean' }
    case 'int-or-string':
      return scalarReference(INT_OR_STRING, components)
    case 'any':
      return { 'x-kubernetes-preserve-unknown-fields': true }
    default:
      return assertNever(known)
  }
}

function reference(schema: ObjectSchema, components: Map<string, Json>): Json {
  const { name } = schema
  if (name === undefined) return objectSchema(schema, components)
  addComponent({ ...schema, name }, components)
  return { $ref: `#/components/schemas/${name}` }
}

interface NamedScalar {
  readonly name: string
  readonly schema: Json
}

const NUMBER_OR_TEXT = { oneOf: [{ type: 'integer' }, { type: 'string' }] }
const INT_OR_STRING: NamedScalar = {
  name: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  schema: { 'x-kubernetes-int-or-string': true, format: 'int-or-string', ...NUMBER_OR_TEXT },
}
const QUANTITY: NamedScalar = {
  name: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  schema: { oneOf: [{ type: 'string' }, { type: 'number' }] },
}

/** `kubectl explain` shows the name as the type. */
function scalarReference({ name, schema }: NamedScalar, components: Map<string, Json>): Json {
  components.set(name, schema)
  return { $ref: `#/components/schemas/${name}` }
}

function arraySchema(schema: ArraySchema, components: Map<string, Json>): Json {
  const { items, patchStrategy, patchMergeKey } = schema
  const listType = listTypeOf(schema)
  return {
    type: 'array',
    items: toOpenApi(items, components),
    'x-kubernetes-list-type': listType.kind,
    ...(listType.kind === 'map' ? { 'x-kubernetes-list-map-keys': listType.keys } : {}),
    ...(patchStrategy === undefined
      ? {}
      : { 'x-kubernetes-patch-strategy': isUnion(items) ? `${patchStrategy},retainKeys` : patchStrategy }),
    ...(patchMergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': patchMergeKey }),
  }
}

const FORMATS: Readonly<Record<Exclude<NonNullable<StringSchema['format']>, 'quantity'>, string>> = {
  time: 'date-time',
  'micro-time': 'date-time',
  byte: 'byte',
  duration: 'duration',
}

function stringSchema({ format, values }: StringSchema): Json {
  return {
    type: 'string',
    ...(format === undefined || format === 'quantity' ? {} : { format: FORMATS[format] }),
    ...(values === undefined ? {} : { enum: values }),
  }
}
