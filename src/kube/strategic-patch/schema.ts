/** What strategic merging must know about a kind, and the words of its directives. */

/** What merging must know about a document: made from a kind's schema by `patchSchemaOf` in kinds. */
export interface PatchSchema {
  /** Of a field of an object or an entry of a map. */
  readonly child: (name: string) => PatchSchema
  readonly list: ListStrategy
  /** A union such as a volume's source: a patch that changes it must name all it keeps. */
  readonly retainKeys: boolean
}

export type ListStrategy =
  /** Replaced whole. */
  | { readonly kind: 'atomic' }
  /** Primitives, each at most once. */
  | { readonly kind: 'set' }
  /** Objects, identified by their field `key`. */
  | { readonly kind: 'keyed'; readonly key: string; readonly items: PatchSchema }

/** For what no schema describes: merges like a merge patch. */
export const UNKNOWN_SCHEMA: PatchSchema = { child: () => UNKNOWN_SCHEMA, list: { kind: 'atomic' }, retainKeys: false }

export const DELETE_LIST = '$deleteFromPrimitiveList/'
export const ELEMENT_ORDER = '$setElementOrder/'
