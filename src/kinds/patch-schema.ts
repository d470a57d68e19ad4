/** How strategic merge patches merge a kind: the part of its schema that kube's patches need. */
import { assertNever } from '../base/assert.ts'
import type { ListStrategy, PatchSchema } from '../kube/strategic-patch.ts'
import { UNKNOWN_SCHEMA } from '../kube/strategic-patch.ts'
import type { ArraySchema, Schema } from './schema.ts'

/** Lazy: a child's schema is made when a patch reaches it. */
export function patchSchemaOf(schema: Schema): PatchSchema {
  const resolved = schema
  switch (resolved.kind) {
    case 'object':
      return {
        ...UNKNOWN_SCHEMA,
        retainKeys: resolved.retainKeys ?? false,
        child: (name) => {
          const field = Object.hasOwn(resolved.fields, name) ? resolved.fields[name] : undefined
          return field === undefined ? UNKNOWN_SCHEMA : patchSchemaOf(field.schema)
        },
      }
    case 'map':
      return { ...UNKNOWN_SCHEMA, child: () => patchSchemaOf(resolved.values) }
    case 'array':
      return { ...UNKNOWN_SCHEMA, list: listStrategy(resolved) }
    case 'string':
    case 'integer':
    case 'number':
    case 'boolean':
    case 'int-or-string':
    case 'any':
      return UNKNOWN_SCHEMA
    default:
      return assertNever(resolved)
  }
}

function listStrategy({ patchStrategy, patchMergeKey, items }: ArraySchema): ListStrategy {
  if (patchStrategy !== 'merge') return { kind: 'atomic' }
  return patchMergeKey === undefined
    ? { kind: 'set' }
    : { kind: 'keyed', key: patchMergeKey, items: patchSchemaOf(items) }
}
