/** The patch between three states of an object, in the form that the server takes for its kind. */
import { patchSchemaOf } from '../../kinds/patch-schema.ts'
import { kubernetesKinds } from '../../kinds/registry.ts'
import type { JsonObject } from '../../kube/json-value.ts'
import { threeWayMergePatch } from '../../kube/merge-patch.ts'
import type { ResourceType } from '../../kube/object.ts'
import { createStrategicPatch } from '../../kube/strategic-patch.ts'

export interface ThreeStates {
  /** What was applied last, if known. */
  readonly original: unknown
  /** What the file says. */
  readonly modified: JsonObject
  /** What the server has. */
  readonly current: JsonObject
}

export interface ContentPatch {
  readonly contentType: string
  readonly body: JsonObject
}

/**
 * Strategic for the built-in kinds that we know, whose lists have merge keys; JSON merge for all others, as kubectl
 * does for custom resources.
 */
export function threeWayPatch(type: ResourceType, { original, modified, current }: ThreeStates): ContentPatch {
  const kind = kubernetesKinds.find((each) => each.type.group === type.group && each.type.kind === type.kind)
  if (kind?.strategicPatch !== true) {
    const body = threeWayMergePatch(original, modified, current)
    return { contentType: 'application/merge-patch+json', body }
  }
  const body = createStrategicPatch(asObject(original), modified, current, patchSchemaOf(kind.schema))
  return { contentType: 'application/strategic-merge-patch+json', body }
}

function asObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}
