/** Who set which field (`metadata.managedFields`), for writes of operation Update. */
import type { Kind } from '../../kinds/kind.ts'
import type { ManagedFieldsEntry } from '../../kube/object.ts'
import { withMetadata } from './document.ts'
import type { Document } from './document.ts'
import { changedFields, intersect, isEmpty, subtract, union } from './field-set.ts'
import type { FieldSet } from './field-set.ts'
import { toKeyed } from './keyed.ts'
import type { Keyed } from './keyed.ts'

export interface FieldWrite {
  readonly kind: Kind
  readonly manager: string
  readonly time: string
  readonly subresource?: string
}

/** More entries than this are folded into one, as the real server does. */
const ENTRIES_MAX = 10
const FOLDED_MANAGER = 'ancient-changes'

/** `object` with its managedFields brought up to date: what changed since `old` belongs to the writer now. */
export function trackFields(old: Document | undefined, object: Document, write: FieldWrite): Document {
  const changed = changedFields(writable(old, write), writable(object, write))
  const present = changedFields({}, trackable(write.kind, object))
  const entries = object.metadata.managedFields ?? []
  const others = entries.filter((entry) => !isEntryOf(entry, object, write))
  const own = entries.find((entry) => isEntryOf(entry, object, write))
  const kept = others.flatMap((entry) => shrink(entry, (set) => intersect(subtract(set, changed), present)))
  const owned = intersect(union(fieldsOf(own), changed), present)
  const mine = isEmpty(owned) ? [] : [entryOf(object, write, owned, isEmpty(changed) ? own?.time : write.time)]
  const managedFields = fold([...kept, ...mine])
  return withMetadata(object, { managedFields: managedFields.length === 0 ? undefined : managedFields })
}

function isEntryOf(entry: ManagedFieldsEntry, object: Document, write: FieldWrite): boolean {
  return (
    entry.manager === write.manager &&
    entry.operation === 'Update' &&
    entry.apiVersion === object.apiVersion &&
    entry.subresource === write.subresource
  )
}

function entryOf(
  object: Document,
  { manager, subresource }: FieldWrite,
  fieldsV1: FieldSet,
  time: string | undefined,
): ManagedFieldsEntry {
  return {
    manager,
    operation: 'Update',
    apiVersion: object.apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(subresource === undefined ? {} : { subresource }),
  }
}

export function shrink(entry: ManagedFieldsEntry, change: (set: FieldSet) => FieldSet): readonly ManagedFieldsEntry[] {
  const fieldsV1 = change(fieldsOf(entry))
  return isEmpty(fieldsV1) ? [] : [{ ...entry, fieldsV1 }]
}

export function fold(entries: readonly ManagedFieldsEntry[]): readonly ManagedFieldsEntry[] {
  if (entries.length <= ENTRIES_MAX) return entries
  const [first, second, ...rest] = entries.toSorted((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1))
  if (first === undefined || second === undefined) return entries
  const { subresource: _subresource, ...base } = second
  return [{ ...base, manager: FOLDED_MANAGER, fieldsV1: union(fieldsOf(first), fieldsOf(second)) }, ...rest]
}

/** What a write to the object, or to that subresource, may have changed. */
export function writable(
  object: Document | undefined,
  { kind, subresource }: Pick<FieldWrite, 'kind' | 'subresource'>,
): Keyed {
  if (object === undefined) return {}
  const { 'f:status': status, ...rest } = trackable(kind, object)
  return subresource === undefined || status === undefined ? rest : { ...rest, 'f:status': status }
}

/** The object without what the server alone writes. */
export function trackable(kind: Kind, object: Document): Keyed {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object
  const { labels, annotations, finalizers, ownerReferences, generateName } = metadata
  const own = { labels, annotations, finalizers, ownerReferences, generateName }
  return toKeyed(kind.schema, { ...rest, metadata: own })
}

export function fieldsOf(entry: ManagedFieldsEntry | undefined): FieldSet {
  return (entry?.fieldsV1 ?? {}) as FieldSet
}
