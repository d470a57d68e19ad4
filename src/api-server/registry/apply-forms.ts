/**
 * Server-side apply over several versions: an entry of managedFields names its fields in the version of its manager's
 * request, so what two managers own is compared in the version of one of them.
 */
import type { ManagedFieldsEntry } from '../../kube/object.ts'
import type { Document } from './document.ts'
import { changedFields, onlyFields } from './field-set.ts'
import type { FieldSet } from './field-set.ts'
import { fromKeyed, toKeyed } from './keyed.ts'
import type { Keyed } from './keyed.ts'
import { fieldsOf, trackable, writable } from './managed-fields.ts'
import { servedAs, translate } from './resource.ts'
import type { ServedKind } from './resource.ts'
import type { Side } from './update.ts'

/** What is applied: the object without its status, or its status alone. */
export type ApplySide = Exclude<Side, 'finalize'>

interface Target {
  /** The version of the request. */
  readonly kind: ServedKind
  readonly side: ApplySide
}

export function subresourceOf(side: ApplySide): { readonly subresource?: string } {
  return side === 'object' ? {} : { subresource: side }
}

/** What is applied, in the fields of `version`. */
export function appliedIn(version: ServedKind, wanted: Document, { kind, side }: Target): FieldSet {
  const translated = translate(kind, version, wanted)
  return changedFields({}, writable(translated, { kind: version, ...subresourceOf(side) }))
}

/** What an entry owns of the object, which is of `kind`, in the fields of `version`. */
export function ownedIn(
  version: ServedKind,
  entry: ManagedFieldsEntry,
  { kind, object }: { readonly kind: ServedKind; readonly object: Document },
): FieldSet {
  const spoken = servedAs(kind, entry.apiVersion)
  if (spoken === version) return fieldsOf(entry)
  const part = onlyFields(toKeyed(spoken.schema, translate(kind, spoken, object)), fieldsOf(entry))
  const translated = translate(spoken, version, asDocument(fromKeyed(spoken.schema, part)))
  return changedFields({}, trackable(version, translated))
}

export function asDocument(part: Readonly<Record<string, unknown>>): Document {
  return { metadata: {}, ...part } as Document
}

/** One apply in the fields of one version: what it asks for, and the object before and after it. */
export interface Forms {
  readonly applied: FieldSet
  readonly old: Keyed | undefined
  readonly object: Keyed
  readonly present: FieldSet
}

export function formsByVersion(
  old: Document | undefined,
  object: Document,
  { kind, side, wanted }: Target & { readonly wanted: Document },
): (apiVersion: string | undefined) => Forms {
  const known = new Map<ServedKind, Forms>()
  return (apiVersion) => {
    const version = servedAs(kind, apiVersion)
    const found = known.get(version)
    if (found !== undefined) return found
    const after = trackable(version, translate(kind, version, object))
    const forms: Forms = {
      applied: appliedIn(version, wanted, { kind, side }),
      old: old && trackable(version, translate(kind, version, old)),
      object: after,
      present: changedFields({}, after),
    }
    known.set(version, forms)
    return forms
  }
}
