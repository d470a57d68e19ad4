/** Objects as the rows that kubectl prints (meta/v1 Table), or as their metadata alone. */
import type { Column, Kind } from '../../kinds/kind.ts'
import type { KubeObject } from '../../kube/object.ts'
import type { Stored } from '../storage/collection.ts'

/** What a table must know about the kind of its objects. */
export type TableKind = Pick<Kind, 'columns' | 'placesName'>

export interface TableOptions {
  readonly kind: TableKind
  readonly version: 'v1' | 'v1beta1'
  readonly includeObject: 'None' | 'Metadata' | 'Object'
  readonly nowMs: number
}

const NAME_DESCRIPTION =
  'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically.'

export function tableOf(options: TableOptions, items: readonly Pick<Stored, 'object'>[], listMeta: object): object {
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata: listMeta,
    columnDefinitions: columnDefinitions(options.kind),
    rows: items.map((item) => rowOf(options, item)),
  }
}

function columnDefinitions(kind: TableKind): readonly object[] {
  const nameColumn = { name: 'Name', type: 'string', format: 'name', description: NAME_DESCRIPTION, priority: 0 }
  return [
    ...(kind.placesName === true ? [] : [nameColumn]),
    ...kind.columns.map(({ name, type, priority, description = '' }) => ({
      name,
      // Ages are computed here, so for the client they are text.
      type: type === 'date' ? 'string' : type,
      format: '',
      description,
      priority,
    })),
  ]
}

function rowOf({ kind, version, includeObject, nowMs }: TableOptions, { object }: Pick<Stored, 'object'>): object {
  const name = kind.placesName === true ? [] : [object.metadata.name ?? '']
  const cells = [...name, ...kind.columns.map((column) => cellOf(column, object, nowMs))]
  if (includeObject === 'None') return { cells }
  return { cells, object: includeObject === 'Object' ? object : metadataOf(object, version) }
}

function cellOf(column: Column, object: KubeObject, nowMs: number): string | number | boolean {
  return column.cell(object, nowMs)
}

export function metadataOf(object: KubeObject, version: 'v1' | 'v1beta1'): KubeObject {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata }
}
