/** Who set which field (`metadata.managedFields`), for writes of operation Update. */
import type { ManagedFieldsEntry } from '../../kube/object.ts'
import { withMetadata } from './document.ts'
import type { Document } from './document.ts'
import { changedFields, intersect, isEmpty, subtract, union } from './field-set.ts'
import type { FieldSet } from './field-set.ts'
import { toKeyed } from './keyed.ts'
import type { Keyed } from './keyed.ts'
import { servedAs, translate } from './resource.ts'
import type { ServedKind } from './resource.ts'

export interface FieldWrite {
  readonly kind: ServedKind
  readonly manager: string
  readonly time: string
  readonly subresource?: string
}

/** More entries than this are folded into one, as the real server does. */
const ENTRIES_MAX = 10
const FOLDED_MANAGER = 'ancient-changes'

/** `object` with its managedFields brought up to date: what changed since `old` belongs to the writer now. */
export function trackFields(old: Document | undefined, object: Document, write: FieldWrite): Document {
  const changesIn = changesByVersion(old, object, write)
  const { changed, present } = changesIn(object.apiVersion)
  const entries = object.metadata.managedFields ?? []
  const others = entries.filter((entry) => !isEntryOf(entry, object, write))
  const own = entries.find((entry) => isEntryOf(entry, object, write))
  const kept = others.flatMap((entry) => {
    const theirs = changesIn(entry.apiVersion)
    return shrink(entry, (set) => intersect(subtract(set, theirs.changed), theirs.present))
  })
  const owned = intersect(union(fieldsOf(own), changed), present)
  const mine = isEmpty(owned) ? [] : [entryOf(object, write, owned, isEmpty(changed) ? own?.time : write.time)]
  const managedFields = fold([...kept, ...mine])
  return withMetadata(object, { managedFields: managedFields.length === 0 ? undefined : managedFields })
}

interface Changes {
  readonly changed: FieldSet
  readonly present: FieldSet
}

/** What the write changed, in the fields of any version: what an entry owns is named in the version of its manager. */
function changesByVersion(
  old: Document | undefined,
  object: Document,
  write: FieldWrite,
): (apiVersion: string | undefined) => Changes {
  const known = new Map<ServedKind, Changes>()
  return (apiVersion) => {
    const kind = servedAs(write.kind, apiVersion)
    const found = known.get(kind)
    if (found !== undefined) return found
    const before = old && translate(write.kind, kind, old)
    const after = translate(write.kind, kind, object)
    const changed = changedFields(writable(before, { ...write, kind }), writable(after, { ...write, kind }))
    const changes = { changed, present: changedFields({}, trackable(kind, after)) }
    known.set(kind, changes)
    return changes
  }
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
export function trackable(kind: ServedKind, object: Document): Keyed {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object
  const { labels, annotations, finalizers, ownerReferences, generateName } = metadata
  const own = { labels, annotations, finalizers, ownerReferences, generateName }
  return toKeyed(kind.schema, { ...rest, metadata: own })
}

export function fieldsOf(entry: ManagedFieldsEntry | undefined): FieldSet {
  return (entry?.fieldsV1 ?? {}) as FieldSet
}
