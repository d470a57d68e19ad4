/** POST to a subresource of the kind's own (`pods/{name}/binding`): the body says what is to become of the object. */
import type { Subresource } from '../../kinds/subresource.ts'
import type { ObjectKey } from '../../kube/object.ts'
import { splitKey } from '../../kube/object.ts'
import type { ApiContext, WriteRequest } from './context.ts'
import type { Document } from './document.ts'
import { badRequest, conflict, invalid, notFound } from './errors.ts'
import { nowTimestamp } from './identity.ts'
import { checkMetadata } from './metadata.ts'
import { storageOf } from './resource.ts'
import type { ServedKind } from './resource.ts'

export type Action = Extract<Subresource, { kind: 'action' }>

/** Resolves once what came of it is durable. */
export async function actOn(
  context: ApiContext,
  { kind, key, action }: { readonly kind: ServedKind; readonly key: ObjectKey; readonly action: Action },
  body: unknown,
  request: WriteRequest,
): Promise<void> {
  const { name } = splitKey(key)
  const stored = context.store.latest(storageOf(kind), key)
  if (stored === undefined) throw notFound(kind, name)
  const acted = action.act(kind.fromHub(stored.object), body, nowTimestamp(context.clock))
  if (acted.kind !== 'done') throw acted.kind === 'conflict' ? conflict(kind, name, acted.why) : badRequest(acted.why)
  const errors = checkMetadata(kind, acted.object.metadata)
  if (errors.length > 0) throw invalid(kind, name, errors)
  if (request.dryRun) return
  await context.store.put(storageOf(kind), key, kind.toHub(acted.object as Document))
}
