/** Secrets. */
import type { KubeObject, ResourceType } from '../kube/object.ts'
import { ageColumn } from './age.ts'
import type { Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { core } from './published.ts'
import { boolean, bytes, explicit, map, optional, string } from './schema.ts'

const secret = core('Secret', {
  ...typeMeta,
  metadata: optional(objectMeta, 1),
  immutable: explicit(boolean, 5),
  data: optional(map(bytes), 2),
  stringData: optional(map(string), 4),
  type: optional(string, 3),
})

export interface Secret extends KubeObject {
  readonly immutable?: boolean
  /** Base64. */
  readonly data?: Readonly<Record<string, string>>
  /** Written in plain by the user; folded into `data` on acceptance, never stored. */
  readonly stringData?: Readonly<Record<string, string>>
  readonly type?: string
}

export const secrets: ResourceType<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
}

export const secretKind: Kind<Secret> = {
  type: secrets,
  singular: 'secret',
  shortNames: [],
  categories: [],
  schema: secret,
  hasStatus: false,
  defaults: defaultSecret,
  columns: [
    { name: 'Type', type: 'string', priority: 0, cell: (object) => object.type ?? '' },
    { name: 'Data', type: 'integer', priority: 0, cell: (object) => Object.keys(object.data ?? {}).length },
    ageColumn,
  ],
  selectableFields: { type: (object) => object.type ?? '' },
  strategicPatch: true,
}

function defaultSecret({ stringData, ...object }: Secret): Secret {
  const plain = Object.entries(stringData ?? {}).map(([key, text]) => [key, Buffer.from(text).toString('base64')])
  const data = { ...object.data, ...Object.fromEntries(plain) }
  return { ...object, type: object.type ?? 'Opaque', ...(Object.keys(data).length === 0 ? {} : { data }) }
}
