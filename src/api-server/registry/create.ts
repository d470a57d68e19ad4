/** POST: a new object. */
import { objectKey } from '../../kube/object.ts'
import type { KubeObject } from '../../kube/object.ts'
import { admitCreate } from './admission.ts'
import { toDocument, validate, withoutStatus } from './check.ts'
import type { Body } from './check.ts'
import type { ApiContext, WriteRequest } from './context.ts'
import { defaultsOf, withMetadata } from './document.ts'
import type { Document } from './document.ts'
import { alreadyExists, badRequest, invalid } from './errors.ts'
import { generateName, makeUid, nowTimestamp } from './identity.ts'
import { trackFields } from './managed-fields.ts'
import { storageOf } from './resource.ts'
import type { ServedKind } from './resource.ts'

const GENERATE_NAME_ATTEMPTS = 8

export interface CreateOptions {
  readonly kind: ServedKind
  readonly namespace: string | undefined
  /** From the URL, for PUTs that create; the body's own name otherwise. */
  readonly body: Body
  readonly request: WriteRequest
  /** Sets managedFields, where that is done in another way than for plain writes. */
  readonly track?: (old: undefined, object: Document) => Document
}

/** Resolves with the object as stored, once it is durable. */
export async function createObject(context: ApiContext, options: CreateOptions): Promise<KubeObject> {
  const { kind, request } = options
  const given = inNamespace(options, toDocument(kind, withoutStatus(kind, options.body), request))
  if ((given.metadata.resourceVersion ?? '') !== '') {
    throw badRequest('resourceVersion should not be set on objects to be created')
  }
  const named = withName(context, kind, given)
  const prepared = prepare(context, kind, named)
  const written = { kind, manager: request.manager, time: nowTimestamp(context.clock) }
  const object = options.track?.(undefined, prepared) ?? trackFields(undefined, prepared, written)
  const key = objectKey(object.metadata.namespace, object.metadata.name ?? '')
  if (context.store.latest(storageOf(kind), key) !== undefined) throw alreadyExists(kind, object.metadata.name ?? '')
  for (const warning of kind.warnings?.(object) ?? []) request.warn(warning)
  if (request.dryRun) return object
  const stored = await context.store.put(storageOf(kind), key, kind.toHub(object))
  return kind.fromHub(stored.object)
}

/** Everything the server does to a new object before it is stored. */
function prepare(context: ApiContext, kind: ServedKind, named: Document): Document {
  const fresh = withMetadata(named, {
    uid: makeUid(context.random),
    creationTimestamp: nowTimestamp(context.clock),
    generation: kind.hasStatus ? 1 : undefined,
    resourceVersion: undefined,
    deletionTimestamp: undefined,
    deletionGracePeriodSeconds: undefined,
    selfLink: undefined,
    managedFields: undefined,
  })
  const defaulted = defaultsOf(kind, fresh)
  const admitted = admitCreate(context, kind, defaulted)
  validate(kind, admitted, undefined)
  return admitted
}

function inNamespace({ kind, namespace }: CreateOptions, object: Document): Document {
  const own = object.metadata.namespace ?? ''
  if (!kind.type.namespaced) return withMetadata(object, { namespace: undefined })
  if (own !== '' && own !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  return withMetadata(object, { namespace })
}

function withName(context: ApiContext, kind: ServedKind, object: Document): Document {
  const { name = '', generateName: prefix = '', namespace } = object.metadata
  if (name !== '') return object
  if (prefix === '') {
    const message = 'Required value: name or generateName is required'
    throw invalid(kind, '', [{ reason: 'FieldValueRequired', field: 'metadata.name', message }])
  }
  for (let attempt = 1; ; attempt++) {
    const generated = generateName(prefix, context.random)
    const isFree = context.store.latest(storageOf(kind), objectKey(namespace, generated)) === undefined
    if (isFree) return withMetadata(object, { name: generated })
    if (attempt === GENERATE_NAME_ATTEMPTS) throw alreadyExists(kind, generated)
  }
}
