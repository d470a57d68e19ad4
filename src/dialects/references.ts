/** How languages name the objects that they compile. */
import type { KubeObject } from '../kube/object.ts'
import type { SourceGeneration } from '../routing/model.ts'
import { referenceText } from '../routing/object-reference.ts'
import type { ObjectReference } from '../routing/object-reference.ts'
import type { Claimant, ObjectReport } from '../routing/part.ts'

export function referenceTo({ apiVersion, kind, metadata }: KubeObject): ObjectReference {
  return { group: groupOf(apiVersion), kind, namespace: metadata.namespace ?? '', name: metadata.name ?? '' }
}

export function sourceOf(object: KubeObject): SourceGeneration {
  return { ...referenceTo(object), uid: object.metadata.uid ?? '', generation: object.metadata.generation ?? 1 }
}

/** The beginning of a report; what there is to say is added. */
export function reportOn(object: KubeObject): Pick<ObjectReport, 'object' | 'text' | 'uid' | 'generation'> {
  const { uid, generation, ...reference } = sourceOf(object)
  return { object: reference, text: referenceText(reference), uid, generation }
}

/** The object as a claimant, in the generation that claims. */
export function claimantOf(object: KubeObject, generation: number, record: unknown): Claimant {
  const source = { ...sourceOf(object), generation }
  return { source, text: referenceText(source), createdAt: object.metadata.creationTimestamp ?? '', record }
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? '' : apiVersion.slice(0, slash)
}
