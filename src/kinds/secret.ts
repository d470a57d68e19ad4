/** Secrets. */
import type { KubeObject, ResourceType } from '../kube/object.ts'
import { ageColumn } from './age.ts'
import { validateEntries } from './entries.ts'
import { checkImmutable, required } from './field-errors.ts'
import type { FieldError, Kind } from './kind.ts'
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
  validate: validateSecret,
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

/** What each published type of secret must hold. */
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
}

function validateSecret(object: Secret, old: Secret | undefined): readonly FieldError[] {
  const lacking = (REQUIRED_KEYS[object.type ?? ''] ?? []).filter((key) => object.data?.[key] === undefined)
  return [
    ...validateEntries(object, old, ['data']),
    ...lacking.map((key) => required(`data[${key}]`)),
    ...(old === undefined ? [] : checkImmutable('type', object.type, old.type)),
  ]
}
