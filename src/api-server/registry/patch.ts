/** PATCH bodies: which form they are in, and how they change a document. */
import { assertNever } from '../../base/assert.ts'
import type { Kind } from '../../kinds/kind.ts'
import { patchSchemaOf } from '../../kinds/patch-schema.ts'
import type { ApiError } from '../../kube/api-error.ts'
import { failure } from '../../kube/api-error.ts'
import { applyJsonPatch } from '../../kube/json-patch.ts'
import { applyMergePatch } from '../../kube/merge-patch.ts'
import { PatchError } from '../../kube/patch-error.ts'
import { applyStrategicPatch } from '../../kube/strategic-patch.ts'
import { badRequest, unsupportedMediaType } from './errors.ts'

type Apply = (document: unknown, patch: unknown) => unknown

const JSON_PATCH = 'application/json-patch+json'
const MERGE_PATCH = 'application/merge-patch+json'
const STRATEGIC_PATCH = 'application/strategic-merge-patch+json'
export const APPLY_PATCH = 'application/apply-patch+yaml'

/**
 * The patch as a function from a document to the changed one. 415 for forms that the kind does not take, before
 * `read` looks at the body: what is wrong then is the form, not the text.
 */
export function patchOf(kind: Kind, mediaType: string, read: () => unknown): (document: unknown) => unknown {
  const apply = formsOf(kind).get(mediaType)
  if (apply === undefined) throw unsupportedMediaType([...formsOf(kind).keys()])
  const patch = read()
  return (document) => {
    try {
      return apply(document, patch)
    } catch (error) {
      if (error instanceof PatchError) throw refusal(error)
      // Operations may nest a document deeper than any body can; what walks it calls itself for each level.
      if (error instanceof RangeError) throw badRequest('the patch nests the object too deeply')
      throw error
    }
  }
}

function formsOf(kind: Kind): ReadonlyMap<string, Apply> {
  const strategic: Apply = (document, patch) => applyStrategicPatch(document, patch, patchSchemaOf(kind.schema))
  return new Map<string, Apply>([
    [JSON_PATCH, applyJsonPatch],
    [MERGE_PATCH, applyMergePatch],
    ...(kind.strategicPatch ? [[STRATEGIC_PATCH, strategic] as const] : []),
  ])
}

function refusal({ code, message }: PatchError): ApiError {
  switch (code) {
    case 'Malformed':
      return badRequest(message)
    case 'NotApplicable':
      return failure({
        code: 422,
        reason: 'Invalid',
        message: `the server rejected our request due to an error in our request: ${message}`,
        details: {},
      })
    case 'TooLarge':
      return failure({ code: 413, reason: 'RequestEntityTooLarge', message, details: {} })
    default:
      return assertNever(code)
  }
}
