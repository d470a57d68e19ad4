/** From a request's body to an object of its kind: schema, unknown fields, validation. */
import { checkObject } from '../../kinds/check.ts'
import { jsonMistake } from '../../kinds/json-mistake.ts'
import type { FieldError, Kind } from '../../kinds/kind.ts'
import { apiVersionOf } from '../../kube/object.ts'
import type { WriteRequest } from './context.ts'
import { isRecord, withMetadata } from './document.ts'
import type { Document } from './document.ts'
import { badRequest, invalid } from './errors.ts'
import { checkMetadata } from './metadata.ts'

/** A decoded body, and the JSON keys that stood in it twice. */
export interface Body {
  readonly value: unknown
  readonly duplicateFields: readonly string[]
  /** The client sent a patch, and this is what came of it. */
  readonly isPatched?: boolean
}

/** The body as an object of the kind, in the kind's shape. Unknown fields are dropped and reported as asked for. */
export function toDocument(kind: Kind, body: Body, request: WriteRequest): Document {
  return withoutEmptyMetadata(check(kind, body, request, () => true))
}

const EMPTY_IS_ABSENT = ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const

/** Clients cannot tell the last label from none: what is empty is not kept, as Kubernetes does not. */
function withoutEmptyMetadata(object: Document): Document {
  const empty = EMPTY_IS_ABSENT.filter((field) => Object.keys(object.metadata[field] ?? {}).length === 0)
  return withMetadata(object, Object.fromEntries(empty.map((field) => [field, undefined])))
}

/** The body without its status, which only `/status` takes: dropped before anything is checked, not judged. */
export function withoutStatus(kind: Kind, body: Body): Body {
  const { value } = body
  if (!kind.hasStatus || !isRecord(value)) return body
  const { status: _status, ...rest } = value
  return { ...body, value: rest }
}

/** Of the body only the status, and the metadata that names the object which the client means; the rest is `old`'s. */
export function onlyStatus(body: Body, old: Partial<Document> = {}): Body {
  const { value } = body
  if (!isRecord(value)) return body
  const { apiVersion, kind, metadata, status } = value
  return { ...body, value: { ...old, apiVersion, kind, metadata, status } }
}

/** As `toDocument`, for a body that need not have all that its kind requires: a part of an object. */
export function toPartialDocument(kind: Kind, body: Body, request: WriteRequest): Document {
  return check(kind, body, request, ({ reason }) => reason !== 'FieldValueRequired')
}

function check(kind: Kind, body: Body, request: WriteRequest, counts: (error: FieldError) => boolean): Document {
  const value = withType(kind, body.value)
  const checked = checkObject(kind.schema, value)
  if (checked.errors.some(({ reason }) => reason === 'FieldValueTypeInvalid')) checkTypes(kind, value, body)
  reportFields(kind, request, [
    ...body.duplicateFields.map((field) => `duplicate field "${field}"`),
    ...checked.unknownFields.map((field) => `unknown field "${field}"${hintOf(checked.meant.get(field))}`),
  ])
  const document = checked.value as Document
  const errors = checked.errors.filter(counts)
  if (errors.length > 0) throw invalid(kind, nameOf(value), errors)
  return document.metadata === undefined ? { ...document, metadata: {} } : document
}

/** Behind Kubernetes' own words, which its clients know. */
function hintOf(meant: string | undefined): string {
  return meant === undefined ? '' : `; did you mean ${meant}?`
}

/**
 * A built-in kind is decoded into its type, and what does not fit is a bad request; custom resources, and what came of a
 * patch, are validated instead (422).
 */
function checkTypes({ type, schema, strategicPatch }: Kind, value: unknown, { isPatched = false }: Body): void {
  const mistake = strategicPatch && !isPatched ? jsonMistake(type.kind, schema, value) : undefined
  if (mistake === undefined) return
  throw badRequest(`${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: ${mistake}`)
}

/** The kind's own rules and those for metadata, all at once. */
export function validate(kind: Kind, object: Document, old: Document | undefined): void {
  const errors = [...checkMetadata(kind, object.metadata), ...(kind.validate?.(object, old) ?? [])]
  if (errors.length > 0) throw invalid(kind, object.metadata.name ?? '', errors)
}

function withType(kind: Kind, value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw badRequest(`the body of the request is not a ${kind.type.kind} object`)
  const expected = { apiVersion: apiVersionOf(kind.type), kind: kind.type.kind }
  const given = { apiVersion: value['apiVersion'] ?? expected.apiVersion, kind: value['kind'] ?? expected.kind }
  if (given.apiVersion !== expected.apiVersion || given.kind !== expected.kind) {
    throw badRequest(`the object provided is ${JSON.stringify(given)}, but this path takes ${JSON.stringify(expected)}`)
  }
  return { ...value, ...expected }
}

function reportFields(kind: Kind, request: WriteRequest, problems: readonly string[]): void {
  if (problems.length === 0 || request.fieldValidation === 'Ignore') return
  if (request.fieldValidation === 'Warn') {
    for (const problem of problems) request.warn(problem)
    return
  }
  throw badRequest(
    `${kind.type.kind} in version "${kind.type.version}" cannot be handled as a ${kind.type.kind}: strict decoding error: ${problems.join(', ')}`,
  )
}

function nameOf(value: Readonly<Record<string, unknown>>): string {
  const metadata = value['metadata']
  return isRecord(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : ''
}
