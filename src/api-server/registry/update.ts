/** PUT, and the second half of PATCH: an object, or one side of it, is replaced. */
import type { Kind } from '../../kinds/kind.ts'
import type { KubeObject, ObjectKey } from '../../kube/object.ts'
import { splitKey } from '../../kube/object.ts'
import type { Stored } from '../storage/collection.ts'
import { admitUpdate } from './admission.ts'
import { onlyStatus, toDocument, validate, withoutStatus } from './check.ts'
import type { Body } from './check.ts'
import type { ApiContext, WriteRequest } from './context.ts'
import { desired, defaultsOf, withMetadata } from './document.ts'
import { isSameJson } from '../../kube/json-value.ts'
import type { Document } from './document.ts'
import { badRequest, conflict, invalid, MODIFIED, notFound } from './errors.ts'
import { nowTimestamp } from './identity.ts'
import { trackFields } from './managed-fields.ts'
import { storageOf } from './resource.ts'
import type { ServedKind } from './resource.ts'

/** Which part of the object a write is about. */
export type Side = 'object' | 'status' | 'finalize'

export interface UpdateOptions {
  readonly kind: ServedKind
  readonly key: ObjectKey
  readonly side: Side
  readonly request: WriteRequest
  /** PATCH carries the stored object's version along; only PUT may be asked to name one. */
  readonly isPatch: boolean
  /** The new object as the client wants it, from the stored one. Called once, synchronously. */
  readonly change: (old: Document) => Body
  /** Brings managedFields up to date, where that is done in another way than for plain writes. */
  readonly track?: Track
}

type Track = (old: Document | undefined, object: Document) => Document

/**
 * Reads, changes and writes in one turn: nothing can come between, so a PATCH never conflicts with itself.
 * Resolves with the object as stored, once it is durable.
 */
export async function updateObject(context: ApiContext, options: UpdateOptions): Promise<KubeObject> {
  const { kind, key, request } = options
  const stored = context.store.latest(storageOf(kind), key)
  if (stored === undefined) throw notFound(kind, splitKey(key).name)
  const old = kind.fromHub(stored.object)
  const body = options.change(old)
  const taken = options.side === 'status' ? onlyStatus(body, old) : withoutStatus(kind, body)
  const given = toDocument(kind, { ...taken, isPatched: options.isPatch }, request)
  checkIdentity(options, given, old)
  const object = prepare(context, options, given, old)
  for (const warning of kind.warnings?.(object) ?? []) request.warn(warning)
  const tracked = (options.track ?? tracker(context, options))(old, object)
  if (request.dryRun) return tracked
  return store(context, kind, stored, tracked)
}

/** Fields that the write changes belong to the writer; a write that changes nothing takes none. */
function tracker(context: ApiContext, { kind, request, side }: UpdateOptions): Track {
  const subresource = side === 'object' ? {} : { subresource: side }
  return (old, object) =>
    isSameJson(object, old)
      ? object
      : trackFields(old, object, { kind, manager: request.manager, time: nowTimestamp(context.clock), ...subresource })
}

async function store(context: ApiContext, kind: ServedKind, stored: Stored, written: Document): Promise<KubeObject> {
  const object = kind.toHub(written)
  if (isFinished(kind.resource.hub, object)) {
    return kind.fromHub((await context.store.remove(storageOf(kind), stored, object)).object)
  }
  if (isSameJson(object, stored.object)) {
    // The version it has may still be on its way to the disk.
    await context.store.settled()
    return kind.fromHub(stored.object)
  }
  return kind.fromHub((await context.store.put(storageOf(kind), stored.key, object)).object)
}

/** A deleting object goes once its last finalizer is gone and nothing is left to wait for. */
export function isFinished(kind: Kind, object: Document): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata
  if (deletionTimestamp === undefined || finalizers.length > 0) return false
  return deletionGracePeriodSeconds === 0 && kind.admission?.isHeld?.(object) !== true
}

function checkIdentity({ kind, key, isPatch }: UpdateOptions, given: Document, old: Document): void {
  const { name, namespace } = splitKey(key)
  const { metadata } = given
  if ((metadata.name ?? name) !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`)
  }
  if ((metadata.namespace ?? '') !== '' && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  if ((metadata.uid ?? '') !== '' && metadata.uid !== old.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${old.metadata.uid}`
    throw conflict(kind, name, why)
  }
  const version = metadata.resourceVersion ?? ''
  if (version === '' && kind.requiresVersionOnUpdate === true && !isPatch) {
    const message = 'Invalid value: 0x0: must be specified for an update'
    throw invalid(kind, name, [{ reason: 'FieldValueInvalid', field: 'metadata.resourceVersion', message }])
  }
  if (version !== '' && version !== old.metadata.resourceVersion) throw conflict(kind, name, MODIFIED)
}

/** Puts together what the client may change on this side with what it may not. */
function prepare(context: ApiContext, options: UpdateOptions, given: Document, old: Document): Document {
  const { kind, side } = options
  if (side === 'status') {
    const object: Document = { ...old, status: given.status }
    validate(kind, object, old)
    return object
  }
  if (side === 'finalize') return { ...old, spec: given.spec }
  const merged = withServerFields(kind, given, old)
  const defaulted = defaultsOf(kind, merged)
  const object = withGeneration(admitUpdate(context, kind, defaulted, old), old)
  checkFinalizers(kind, object, old)
  validate(kind, object, old)
  return object
}

function withServerFields(kind: Kind, given: Document, old: Document): Document {
  const { metadata } = old
  const object = withMetadata(given, {
    name: metadata.name,
    namespace: metadata.namespace,
    generateName: metadata.generateName,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    generation: metadata.generation,
    creationTimestamp: metadata.creationTimestamp,
    deletionTimestamp: metadata.deletionTimestamp,
    deletionGracePeriodSeconds: metadata.deletionGracePeriodSeconds,
    managedFields: metadata.managedFields,
    selfLink: undefined,
  })
  return kind.hasStatus ? withStatusOf(object, old) : object
}

function withStatusOf(object: Document, old: Document): Document {
  const { status: _status, ...rest } = object
  return old.status === undefined ? rest : { ...rest, status: old.status }
}

/** Counts changes of what the user wants; what is in the metadata is no part of it. */
function withGeneration(object: Document, old: Document): Document {
  if (old.metadata.generation === undefined) return object
  return !isSameJson(desired(object), desired(old))
    ? withMetadata(object, { generation: old.metadata.generation + 1 })
    : object
}

function checkFinalizers(kind: Kind, object: Document, old: Document): void {
  if (old.metadata.deletionTimestamp === undefined) return
  const before = new Set(old.metadata.finalizers ?? [])
  const added = (object.metadata.finalizers ?? []).filter((finalizer) => !before.has(finalizer))
  if (added.length === 0) return
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`
  throw invalid(kind, object.metadata.name ?? '', [
    { reason: 'FieldValueForbidden', field: 'metadata.finalizers', message },
  ])
}
