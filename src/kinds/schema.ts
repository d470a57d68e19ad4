/**
 * The one source about a kind's fields: from it come the TypeScript type (`Infer`), validation and unknown-field
 * reports, the OpenAPI documents, the merge keys of strategic merge patches, and the protobuf field numbers that
 * kubectl >= 1.32 sends. Follows OpenAPI v3 with Kubernetes' structural-schema extensions.
 */

export interface StringSchema<E extends string = string> {
  readonly kind: 'string'
  /** `time`/`micro-time`: RFC 3339 (protobuf {seconds,nanos}); `byte`: base64; `quantity`: Kubernetes quantity. */
  readonly format?: 'time' | 'micro-time' | 'byte' | 'quantity' | 'duration'
  readonly values?: readonly E[]
}
export interface NumberSchema {
  readonly kind: 'integer' | 'number'
  readonly format?: 'int32' | 'int64' | 'double'
}
export interface BooleanSchema {
  readonly kind: 'boolean'
}
export interface IntOrStringSchema {
  readonly kind: 'int-or-string'
}
/** Any JSON; fields inside are not known to us and never reported. */
export interface AnySchema {
  readonly kind: 'any'
}
export interface ArraySchema<I extends Schema = Schema> {
  readonly kind: 'array'
  readonly items: I
  /** Strategic merge: how list items are merged. Absent: the list is replaced whole. */
  readonly patchStrategy?: 'merge'
  /** The item field that identifies an item when `patchStrategy` is merge; absent for sets of primitives. */
  readonly patchMergeKey?: string
  /** What server-side apply does with the list, where that is not what `patchStrategy` says. See `listTypeOf`. */
  readonly listType?: ListType
}
/** `x-kubernetes-list-type`: owned item by item, told apart by `keys` or by their value, or as a whole. */
export type ListType =
  | { readonly kind: 'map'; /** Item fields in alphabetical order. */ readonly keys: readonly string[] }
  | { readonly kind: 'set' }
  | { readonly kind: 'atomic' }
export interface MapSchema<V extends Schema = Schema> {
  readonly kind: 'map'
  readonly values: V
  /** Server-side apply owns the map as a whole (`x-kubernetes-map-type`). */
  readonly atomic?: true
}
export interface ObjectSchema<F extends Fields = Fields> {
  readonly kind: 'object'
  readonly fields: F
  /** Strategic merge `retainKeys`: fields the patch does not list are cleared (unions such as a volume source). */
  readonly retainKeys?: boolean
  /** Server-side apply owns the object as a whole (`x-kubernetes-map-type`). */
  readonly atomic?: true
  /** Fields of other tools that people write here, and what to write instead. */
  readonly instead?: Readonly<Record<string, string>>
  /** Published name, e.g. `io.k8s.api.apps.v1.DeploymentSpec`; nameless schemas are inlined. */
  readonly name?: string
}
export type Schema =
  | StringSchema
  | NumberSchema
  | BooleanSchema
  | IntOrStringSchema
  | AnySchema
  | ArraySchema
  | MapSchema
  | ObjectSchema

export interface Field<S extends Schema = Schema, R extends boolean = boolean> {
  readonly schema: S
  readonly required: R
  /** Field number in Kubernetes' published .proto; absent: not sent in protobuf. */
  readonly protobuf?: number
  /**
   * Number of the message that wraps this field in protobuf while JSON has it directly in the parent: `Volume.emptyDir`
   * travels as field 2 of the message `volumeSource`, which is field 2 of `Volume`. See `within`.
   */
  readonly protobufWithin?: number
  /**
   * Published as optional although the kind needs it: in Kubernetes such a field may be left out as far as the schema says,
   * and validation then asks for what is inside (`spec.containers: Required value`).
   */
  readonly publishedOptional?: true
  /** The value of a list's map key that an item leaves out (`protocol: TCP`). */
  readonly default?: string
  /** Protobuf sends it only when it is set, so that 0, false and '' are values; otherwise they mean absent. */
  readonly explicit?: true
  /** One sentence for `kubectl explain`. */
  readonly description?: string
}
export type Fields = Readonly<Record<string, Field>>

/** The TypeScript type of the JSON that a schema describes. */
export type Infer<S> =
  S extends StringSchema<infer E>
    ? E
    : S extends NumberSchema
      ? number
      : S extends BooleanSchema
        ? boolean
        : S extends IntOrStringSchema
          ? number | string
          : S extends AnySchema
            ? unknown
            : S extends ArraySchema<infer I>
              ? readonly Infer<I>[]
              : S extends MapSchema<infer V>
                ? Readonly<Record<string, Infer<V>>>
                : S extends ObjectSchema<infer F>
                  ? InferFields<F>
                  : never

type RequiredNames<F extends Fields> = { [K in keyof F]: F[K] extends Field<Schema, true> ? K : never }[keyof F]
type InferFields<F extends Fields> = {
  readonly [K in RequiredNames<F>]: Infer<F[K]['schema']>
} & {
  readonly [K in Exclude<keyof F, RequiredNames<F>>]?: Infer<F[K]['schema']>
}

export const string: StringSchema = { kind: 'string' }
export const time: StringSchema = { kind: 'string', format: 'time' }
export const microTime: StringSchema = { kind: 'string', format: 'micro-time' }
export const bytes: StringSchema = { kind: 'string', format: 'byte' }
export const quantity: StringSchema = { kind: 'string', format: 'quantity' }
export const int32: NumberSchema = { kind: 'integer', format: 'int32' }
export const int64: NumberSchema = { kind: 'integer', format: 'int64' }
export const double: NumberSchema = { kind: 'number', format: 'double' }
export const boolean: BooleanSchema = { kind: 'boolean' }
export const intOrString: IntOrStringSchema = { kind: 'int-or-string' }
export const any: AnySchema = { kind: 'any' }

export function oneOf<const E extends string>(...values: readonly E[]): StringSchema<E> {
  return { kind: 'string', values }
}
export function array<I extends Schema>(items: I): ArraySchema<I> {
  return { kind: 'array', items }
}
/** A list that strategic merge merges by `key`, and server-side apply too where `listType` says nothing else. */
export function mergeArray<I extends Schema>(items: I, key: string, listType?: ListType): ArraySchema<I> {
  return {
    kind: 'array',
    items,
    patchStrategy: 'merge',
    patchMergeKey: key,
    ...(listType === undefined ? {} : { listType }),
  }
}
/** A list that patches replace, and server-side apply owns item by item. */
export function ownedArray<I extends Schema>(items: I, listType: ListType): ArraySchema<I> {
  return { kind: 'array', items, listType }
}
/** Items are told apart by these fields together. */
export function byKeys(...keys: readonly string[]): ListType {
  return { kind: 'map', keys }
}
/** How server-side apply treats a list. */
export function listTypeOf({ listType, patchStrategy, patchMergeKey }: ArraySchema): ListType {
  if (listType !== undefined) return listType
  if (patchMergeKey !== undefined) return { kind: 'map', keys: [patchMergeKey] }
  return { kind: patchStrategy === 'merge' ? 'set' : 'atomic' }
}
/** A list of primitives that strategic merge treats as a set. */
export function setArray<I extends Schema>(items: I): ArraySchema<I> {
  return { kind: 'array', items, patchStrategy: 'merge' }
}
export function map<V extends Schema>(values: V): MapSchema<V> {
  return { kind: 'map', values }
}
/** A map that server-side apply owns as a whole: entries of two owners would make another meaning (a selector). */
export function atomicMap<V extends Schema>(values: V): MapSchema<V> {
  return { kind: 'map', values, atomic: true }
}
export function object<F extends Fields>(
  fields: F,
  options: Omit<ObjectSchema, 'kind' | 'fields'> = {},
): ObjectSchema<F> {
  return { kind: 'object', fields, ...options }
}

type FieldOptions = Omit<Field, 'schema' | 'required' | 'protobuf'>

/** A field that may be absent. `protobuf` is its published field number, where there is one. */
export function optional<S extends Schema>(schema: S, protobuf?: number, options: FieldOptions = {}): Field<S, false> {
  return { schema, required: false, ...(protobuf === undefined ? {} : { protobuf }), ...options }
}
export function required<S extends Schema>(schema: S, protobuf?: number, options: FieldOptions = {}): Field<S, true> {
  return { schema, required: true, ...(protobuf === undefined ? {} : { protobuf }), ...options }
}
/** A field that the kind needs, published as optional: see `Field.publishedOptional`. */
export function neededInside<S extends Schema>(schema: S, protobuf: number): Field<S, true> {
  return required(schema, protobuf, { publishedOptional: true })
}
/** An optional scalar whose zero value means something else than its absence (`replicas: 0`): a pointer in Go. */
export function explicit<S extends Schema>(schema: S, protobuf?: number, options: FieldOptions = {}): Field<S, false> {
  return optional(schema, protobuf, { ...options, explicit: true })
}
/** Fields that JSON has directly in the parent and protobuf in a message of their own, the parent's field `wrapper`. */
export function within<F extends Fields>(wrapper: number, fields: F): F {
  const wrapped = Object.entries(fields).map(([name, field]) => [name, { ...field, protobufWithin: wrapper }])
  return Object.fromEntries(wrapped) as F
}
