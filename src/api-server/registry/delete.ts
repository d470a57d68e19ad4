/** DELETE: at once, or in steps when finalizers or a grace period stand between. */
import { assertNever } from '../../base/assert.ts'
import type { Kind } from '../../kinds/kind.ts'
import type { Status } from '../../kube/api-error.ts'
import type { DeleteOptions } from '../../kube/client.ts'
import type { KubeObject, ObjectKey } from '../../kube/object.ts'
import { splitKey } from '../../kube/object.ts'
import { admitDelete } from './admission.ts'
import type { ApiContext } from './context.ts'
import { asRecord, isRecord, withMetadata } from './document.ts'
import { isSameJson } from '../../kube/json-value.ts'
import type { Document } from './document.ts'
import { badRequest, conflict, notFound } from './errors.ts'
import { toTimestamp } from '../../kube/timestamp.ts'
import { storageOf } from './resource.ts'
import type { ServedKind } from './resource.ts'
import { isFinished } from './update.ts'

const FOREGROUND = 'foregroundDeletion'
const ORPHAN = 'orphan'

export interface DeleteRequest extends Omit<DeleteOptions, 'signal'> {
  readonly dryRun: boolean
}

/** Gone (`removed`, with its last state), or waiting for finalizers, its agent or its dependents (`pending`); in the version of `kind`. */
export interface Deletion {
  readonly kind: 'removed' | 'pending'
  readonly object: KubeObject
}

export async function deleteObject(
  context: ApiContext,
  kind: ServedKind,
  key: ObjectKey,
  request: DeleteRequest,
): Promise<Deletion> {
  const { name } = splitKey(key)
  const stored = context.store.latest(storageOf(kind), key)
  if (stored === undefined) throw notFound(kind, name)
  const old = stored.object as Document
  checkPreconditions(kind, old, request)
  admitDelete(kind, name)
  const { hub } = kind.resource
  const object = markDeleted(context, hub, old, request)
  const outcome = isFinished(hub, object) ? 'removed' : 'pending'
  const answer = (last: KubeObject): Deletion => ({ kind: outcome, object: kind.fromHub(last) })
  if (request.dryRun) return answer(outcome === 'removed' ? old : object)
  if (outcome === 'removed') return answer((await context.store.remove(storageOf(kind), stored)).object)
  if (isSameJson(object, old)) {
    await context.store.settled()
    return answer(old)
  }
  return answer((await context.store.put(storageOf(kind), key, object)).object)
}

/** What DELETE answers when the object is gone. */
export function deletedStatus(kind: Kind, object: KubeObject): Status {
  const { name = '', uid = '' } = object.metadata
  const group = kind.type.group === '' ? {} : { group: kind.type.group }
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name, ...group, kind: kind.type.plural, uid },
    code: 200,
  }
}

function checkPreconditions(kind: Kind, old: Document, { preconditions = {} }: DeleteRequest): void {
  const { name = '', uid, resourceVersion } = old.metadata
  if (preconditions.uid !== undefined && preconditions.uid !== uid) {
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`,
    )
  }
  if (preconditions.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    const why = `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`
    throw conflict(kind, name, why)
  }
}

/** The object with its deletion under way. Asked again, the grace period can only become shorter. */
function markDeleted(context: ApiContext, kind: Kind, old: Document, request: DeleteRequest): Document {
  const { metadata } = old
  const finalizers = finalizersFor(request, metadata.finalizers ?? [])
  const grace = graceOf(kind, old, request)
  const changes = { finalizers: finalizers.length === 0 ? undefined : finalizers }
  if (metadata.deletionTimestamp !== undefined) {
    const before = metadata.deletionGracePeriodSeconds ?? 0
    if (grace >= before) return withMetadata(old, changes)
    const start = Date.parse(metadata.deletionTimestamp) - before * 1000
    const deletionTimestamp = toTimestamp(start + grace * 1000)
    return withMetadata(old, { ...changes, deletionTimestamp, deletionGracePeriodSeconds: grace })
  }
  const marked = withMetadata(old, {
    ...changes,
    deletionTimestamp: toTimestamp(context.clock.now() + grace * 1000),
    deletionGracePeriodSeconds: grace,
    generation: metadata.generation === undefined ? undefined : metadata.generation + 1,
  })
  return (kind.admission?.markDeleted?.(marked) ?? marked) as Document
}

function finalizersFor({ propagationPolicy }: DeleteRequest, finalizers: readonly string[]): readonly string[] {
  if (propagationPolicy === undefined) return finalizers
  const others = finalizers.filter((finalizer) => finalizer !== FOREGROUND && finalizer !== ORPHAN)
  switch (propagationPolicy) {
    case 'Foreground':
      return [...others, FOREGROUND]
    case 'Orphan':
      return [...others, ORPHAN]
    case 'Background':
      return others
    default:
      return assertNever(propagationPolicy)
  }
}

/** A kind without grace goes at once; one that has nothing left to stop (0) also does, whatever was asked for. */
function graceOf(kind: Kind, object: Document, request: DeleteRequest): number {
  const own = kind.gracePeriodSeconds?.(object) ?? 0
  if (own === 0) return 0
  return Math.max(0, request.gracePeriodSeconds ?? own)
}

/** DeleteOptions from the body and the query; the body wins, as in the real server. */
export function parseDeleteOptions(body: unknown, query: URLSearchParams): DeleteRequest {
  const options = isRecord(body) ? body : {}
  const grace = options['gracePeriodSeconds'] ?? numberIn(query, 'gracePeriodSeconds')
  const policy = policyOf(options, query)
  const preconditions = asRecord(options['preconditions'])
  const { uid, resourceVersion } = preconditions
  return {
    dryRun: isDryRun(options['dryRun'], query),
    ...(typeof grace === 'number' ? { gracePeriodSeconds: grace } : {}),
    ...(policy === undefined ? {} : { propagationPolicy: policy }),
    preconditions: {
      ...(typeof uid === 'string' ? { uid } : {}),
      ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
    },
  }
}

function policyOf(
  options: Readonly<Record<string, unknown>>,
  query: URLSearchParams,
): DeleteOptions['propagationPolicy'] {
  const policy = options['propagationPolicy'] ?? query.get('propagationPolicy') ?? undefined
  const orphan = options['orphanDependents'] ?? query.get('orphanDependents') ?? undefined
  if (policy === undefined)
    return orphan === undefined ? undefined : orphan === true || orphan === 'true' ? 'Orphan' : 'Background'
  if (policy === 'Foreground' || policy === 'Background' || policy === 'Orphan') return policy
  throw badRequest(
    `Cannot delete with propagationPolicy ${JSON.stringify(policy)}: it must be Foreground, Background or Orphan`,
  )
}

function isDryRun(inBody: unknown, query: URLSearchParams): boolean {
  return (Array.isArray(inBody) && inBody.includes('All')) || query.getAll('dryRun').includes('All')
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (!/^\d+$/.test(text)) throw badRequest(`Cannot read the query parameter ${name}: "${text}" is not a number`)
  return Number(text)
}
