/** ConfigMaps. */
import type { KubeObject, ResourceType } from '../kube/object.ts'
import { ageColumn } from './age.ts'
import { validateEntries } from './entries.ts'
import type { Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { core } from './published.ts'
import { boolean, bytes, explicit, map, optional, string } from './schema.ts'

const configMap = core('ConfigMap', {
  ...typeMeta,
  metadata: optional(objectMeta, 1),
  immutable: explicit(boolean, 4),
  data: optional(map(string), 2),
  binaryData: optional(map(bytes), 3),
})

export interface ConfigMap extends KubeObject {
  readonly immutable?: boolean
  readonly data?: Readonly<Record<string, string>>
  /** Base64. */
  readonly binaryData?: Readonly<Record<string, string>>
}

export const configMaps: ResourceType<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
}

export const configMapKind: Kind<ConfigMap> = {
  type: configMaps,
  singular: 'configmap',
  shortNames: ['cm'],
  categories: [],
  schema: configMap,
  hasStatus: false,
  validate: (object, old) => validateEntries(object, old, ['data', 'binaryData']),
  columns: [{ name: 'Data', type: 'integer', priority: 0, cell: entryCount }, ageColumn],
  strategicPatch: true,
}

function entryCount({ data = {}, binaryData = {} }: ConfigMap): number {
  return Object.keys(data).length + Object.keys(binaryData).length
}
