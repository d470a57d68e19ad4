/** What the server demands of every object on its way in, and what the object's kind does then. */
import { AdmissionError } from '../../kinds/field-errors.ts'
import type { Surroundings } from '../../kinds/admission.ts'
import { failure } from '../../kube/api-error.ts'
import { objectKey } from '../../kube/object.ts'
import type { KubeObject } from '../../kube/object.ts'
import type { ApiContext } from './context.ts'
import type { Document } from './document.ts'
import { forbidden, invalid } from './errors.ts'
import { storageOf } from './resource.ts'
import type { ServedKind } from './resource.ts'

/** Where namespaces are filed in the store. */
const NAMESPACES = 'namespaces'

export function admitCreate(context: ApiContext, kind: ServedKind, object: Document): Document {
  if (kind.type.namespaced) checkNamespace(context, kind, object)
  const { admission } = kind.resource.hub
  if (admission?.create === undefined) return object
  return inHub(kind, object, (stored) => admission.create?.(stored, surroundingsOf(context, kind)) ?? stored)
}

export function admitUpdate(context: ApiContext, kind: ServedKind, object: Document, old: Document): Document {
  const { admission } = kind.resource.hub
  if (admission?.update === undefined) return object
  return inHub(
    kind,
    object,
    (stored) => admission.update?.(stored, kind.toHub(old), surroundingsOf(context, kind)) ?? stored,
  )
}

export function admitDelete(kind: ServedKind, name: string): void {
  const why = kind.resource.hub.admission?.whyNotDelete?.(name)
  if (why !== undefined) throw forbidden(kind, name, why)
}

/** A kind admits its objects in the shape that they are stored in; what it refuses is told in the version of the request. */
function inHub(kind: ServedKind, object: Document, admit: (stored: Document) => KubeObject): Document {
  try {
    return kind.fromHub(admit(kind.toHub(object)))
  } catch (error) {
    if (error instanceof AdmissionError) throw invalid(kind, object.metadata.name ?? '', error.errors)
    throw error
  }
}

function surroundingsOf({ store, serviceAddresses, random }: ApiContext, kind: ServedKind): Surroundings {
  return { stored: () => store.listLatest(storageOf(kind)).map(({ object }) => object), serviceAddresses, random }
}

function checkNamespace({ store }: ApiContext, kind: ServedKind, object: Document): void {
  const name = object.metadata.namespace ?? ''
  const namespace = store.latest(NAMESPACES, objectKey(undefined, name))
  if (namespace === undefined) {
    const message = `namespaces "${name}" not found`
    throw failure({ code: 404, reason: 'NotFound', message, details: { name, kind: NAMESPACES } })
  }
  if (namespace.object.metadata.deletionTimestamp === undefined) return
  const why = `unable to create new content in namespace ${name} because it is being terminated`
  const message = `namespace ${name} is being terminated`
  throw forbidden(kind, object.metadata.name ?? '', why, [
    { reason: 'NamespaceTerminating', message, field: 'metadata.namespace' },
  ])
}
