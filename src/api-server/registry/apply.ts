/**
 * Server-side apply: the body is what its manager wants of the object, no more. Fields that others own with another value
 * are conflicts; fields that the manager applied before and does not any more go, unless somebody else owns them too.
 */
import { failure } from '../../kube/api-error.ts'
import type { ApiError } from '../../kube/api-error.ts'
import { isSameJson } from '../../kube/json-value.ts'
import type { KubeObject, ManagedFieldsEntry, ObjectKey } from '../../kube/object.ts'
import { apiVersionOf, splitKey } from '../../kube/object.ts'
import { onlyStatus, toPartialDocument, withoutStatus } from './check.ts'
import { appliedIn, asDocument, formsByVersion, ownedIn, subresourceOf } from './apply-forms.ts'
import type { ApplySide, Forms } from './apply-forms.ts'
import type { Body } from './check.ts'
import type { ApiContext, WriteRequest } from './context.ts'
import { createObject } from './create.ts'
import { withMetadata } from './document.ts'
import type { Document } from './document.ts'
import { badRequest, notFound } from './errors.ts'
import {
  intersect,
  isEmpty,
  leavesOf,
  mergeFields,
  setOf,
  subtract,
  union,
  valueAt,
  withoutFields,
} from './field-set.ts'
import type { FieldSet } from './field-set.ts'
import { nowTimestamp } from './identity.ts'
import { fromKeyed, pathText, toKeyed } from './keyed.ts'
import { fieldsOf, fold, shrink } from './managed-fields.ts'
import { servedAs, storageOf, translate } from './resource.ts'
import type { ServedKind } from './resource.ts'
import { updateObject } from './update.ts'

export interface ApplyOptions {
  readonly kind: ServedKind
  readonly key: ObjectKey
  readonly body: Body
  /** Its manager is the one that applies. */
  readonly request: WriteRequest
  /** Take fields that others own. */
  readonly force: boolean
  readonly side: ApplySide
}

/** kubectl's managers before and after its users move to server-side apply: one hand, not two. */
const KUBECTL = 'kubectl'
const KUBECTL_CLIENT_SIDE = 'kubectl-client-side-apply'

/** Creates the object, or changes it to what its manager wants. Resolves once that is durable. */
export async function applyObject(
  context: ApiContext,
  options: ApplyOptions,
): Promise<{ readonly object: KubeObject; readonly isNew: boolean }> {
  const { kind, key, request, side } = options
  const wanted = wantedFrom(options)
  const track = (old: Document | undefined, object: Document): Document =>
    trackApply(old, object, { ...options, wanted, time: nowTimestamp(context.clock) })
  if (context.store.latest(storageOf(kind), key) === undefined) {
    const { namespace, name } = splitKey(key)
    if (side === 'status') throw notFound(kind, name)
    return {
      object: await createObject(context, { kind, namespace, body: bodyOf(wanted), request, track }),
      isNew: true,
    }
  }
  const change = (old: Document): Body => bodyOf(merge(old, wanted, { kind, manager: request.manager, side }))
  const update = { kind, key, side, request, isPatch: true, change, track } as const
  return { object: await updateObject(context, update), isNew: false }
}

function bodyOf(value: unknown): Body {
  return { value, duplicateFields: [] }
}

/** The body in the kind's shape, under the name in the URL. */
function wantedFrom({ kind, key, body, request, side }: ApplyOptions): Document {
  const taken = side === 'status' ? onlyStatus(body) : withoutStatus(kind, body)
  const wanted = toPartialDocument(kind, taken, request)
  const { name } = splitKey(key)
  if ((wanted.metadata.name ?? name) !== name) {
    throw badRequest(`the name of the object (${wanted.metadata.name}) does not match the name on the URL (${name})`)
  }
  if (wanted.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil')
  const named = withMetadata(wanted, { name })
  if (side === 'object') return named
  const { resourceVersion, uid } = named.metadata
  return withMetadata({ ...named, metadata: {} }, { name, resourceVersion, uid })
}

interface Applier {
  readonly kind: ServedKind
  readonly manager: string
  readonly side: ApplySide
}

function merge(old: Document, wanted: Document, applier: Applier): unknown {
  const { schema } = applier.kind
  const left = withoutDropped(old, wanted, applier)
  return fromKeyed(schema, mergeFields(toKeyed(schema, left), toKeyed(schema, wanted)))
}

/**
 * The object without what the manager applied before, does not apply now, and nobody else owns. It is looked for in the
 * version that it was applied in: what is owned is named by the fields of that version.
 */
function withoutDropped(old: Document, wanted: Document, { kind, manager, side }: Applier): Document {
  const entries = old.metadata.managedFields ?? []
  const own = entries.find((entry) => isOwn(entry, manager, side))
  if (own === undefined) return old
  const then = servedAs(kind, own.apiVersion)
  const applied = appliedIn(then, wanted, { kind, side })
  const owned = entries.filter((entry) => entry !== own).map((entry) => ownedIn(then, entry, { kind, object: old }))
  const dropped = owned.reduce(subtract, subtract(fieldsOf(own), applied))
  const left = withoutFields(toKeyed(then.schema, translate(kind, then, old)), dropped)
  return translate(then, kind, asDocument(fromKeyed(then.schema, left)))
}

function trackApply(
  old: Document | undefined,
  object: Document,
  options: ApplyOptions & { readonly wanted: Document; readonly time: string },
): Document {
  const { kind, request, side, time } = options
  const forms = formsByVersion(old, object, options)
  const entries = (old?.metadata.managedFields ?? []).filter(
    ({ manager }) => !(request.manager === KUBECTL && manager === KUBECTL_CLIENT_SIDE),
  )
  const others = entries.filter((entry) => !isOwn(entry, request.manager, side))
  const contested = others.map((entry) => ({ entry, fields: contestedFields(entry, forms(entry.apiVersion)) }))
  const conflicts = contested.filter(({ fields }) => !isEmpty(fields))
  if (conflicts.length > 0 && !options.force) throw applyConflict(conflicts)
  const kept = contested.flatMap(({ entry, fields }) =>
    shrink(entry, (set) => intersect(subtract(set, fields), forms(entry.apiVersion).present)),
  )
  const own = entries.find((entry) => isOwn(entry, request.manager, side))
  const { applied, present } = forms(apiVersionOf(kind.type))
  const fieldsV1 = intersect(applied, present)
  const isUnchanged = own !== undefined && own.apiVersion === object.apiVersion && isSameJson(own.fieldsV1, fieldsV1)
  const mine: ManagedFieldsEntry = {
    manager: request.manager,
    operation: 'Apply',
    apiVersion: object.apiVersion,
    time: isUnchanged ? (own.time ?? time) : time,
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...subresourceOf(side),
  }
  const managedFields = fold(isEmpty(fieldsV1) ? kept : [...kept, mine])
  return withMetadata(object, { managedFields: managedFields.length === 0 ? undefined : managedFields })
}

function isOwn({ manager, operation, subresource }: ManagedFieldsEntry, name: string, side: ApplySide): boolean {
  return manager === name && operation === 'Apply' && subresource === subresourceOf(side).subresource
}

/** What the entry owns, is applied now, and would get another value. */
function contestedFields(entry: ManagedFieldsEntry, { applied, old, object }: Forms): FieldSet {
  const shared = union(intersect(fieldsOf(entry), applied), intersect(applied, fieldsOf(entry)))
  return setOf(leavesOf(shared).filter((path) => !isSameJson(valueAt(old, path), valueAt(object, path))))
}

function applyConflict(
  conflicts: readonly { readonly entry: ManagedFieldsEntry; readonly fields: FieldSet }[],
): ApiError {
  const causes = conflicts.flatMap(({ entry, fields }) =>
    leavesOf(fields).map((path) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${managerText(entry)}`,
      field: pathText(path),
    })),
  )
  return failure({ code: 409, reason: 'Conflict', message: conflictText(causes), details: { causes } })
}

/** In the real server's words: kubectl prints them as they are. */
function conflictText(causes: readonly { readonly message: string; readonly field: string }[]): string {
  const [first] = causes
  if (causes.length === 1) return `Apply failed with 1 conflict: ${first?.message}: ${first?.field}`
  const owners = [...new Set(causes.map(({ message }) => message))].toSorted()
  const lines = owners.flatMap((owner) => [
    `${owner.replace('conflict', 'conflicts')}:`,
    ...causes.filter(({ message }) => message === owner).map(({ field }) => `- ${field}`),
  ])
  return `Apply failed with ${causes.length} conflicts: ${lines.join('\n')}`
}

/** A manager that applies is one whatever version it applies in; others are told apart by it. */
function managerText({ manager = '', operation, apiVersion, subresource }: ManagedFieldsEntry): string {
  const name = `${JSON.stringify(manager)}${subresource === undefined ? '' : ` with subresource "${subresource}"`}`
  return operation === 'Update' ? `${name} using ${apiVersion}` : name
}
