/** PATCH of the form `apply-patch`: server-side apply. */
import { failure } from '../../kube/api-error.ts'
import type { ObjectKey } from '../../kube/object.ts'
import { applyObject } from '../registry/apply.ts'
import type { ApplySide } from '../registry/apply-forms.ts'
import type { ApiContext } from '../registry/context.ts'
import { readBody } from './body.ts'
import { APPLY_PATCH } from '../registry/patch.ts'
import { storageOf } from '../registry/resource.ts'
import type { ServedKind } from '../registry/resource.ts'
import { contentTypeOf, decodeYaml } from './decode-body.ts'
import { writeRequestOf } from './exchange.ts'
import type { Exchange } from './exchange.ts'
import { objectReply } from './object-reply.ts'
import type { Reply } from './reply.ts'

/** True for the PATCH that is answered by `applyReply`. */
export function isApply({ method, request }: Exchange): boolean {
  return method === 'PATCH' && contentTypeOf(request) === APPLY_PATCH
}

export async function applyReply(
  context: ApiContext,
  exchange: Exchange,
  { kind, key, side }: { readonly kind: ServedKind; readonly key: ObjectKey; readonly side: ApplySide },
): Promise<Reply> {
  if ((exchange.query.get('fieldManager') ?? '') === '') throw managerRequired()
  const force = exchange.query.get('force') === 'true' || exchange.query.get('force') === '1'
  const request = writeRequestOf(exchange)
  // An apply that creates needs both rights.
  if (side === 'object' && context.store.latest(storageOf(kind), key) === undefined) await exchange.demand('create')
  const body = { value: decodeYaml(await readBody(exchange.request)), duplicateFields: [] }
  const { object, isNew } = await applyObject(context, { kind, key, body, request, force, side })
  return objectReply(context, exchange, { kind, object, code: isNew ? 201 : 200 })
}

function managerRequired(): Error {
  const cause = {
    reason: 'FieldValueRequired',
    message: 'Required value: is required for apply patch',
    field: 'fieldManager',
  }
  return failure({
    code: 422,
    reason: 'Invalid',
    message: `PatchOptions.meta.k8s.io "" is invalid: fieldManager: ${cause.message}`,
    details: { group: 'meta.k8s.io', kind: 'PatchOptions', causes: [cause] },
  })
}
