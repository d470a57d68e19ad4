/** The annotations by which a person asks something of a release. */
import {
  ABORT_ANNOTATION,
  PROMOTE_ANNOTATION,
  PROMOTE_FULL_ANNOTATION,
  type Release,
  RETRY_ANNOTATION,
} from '../../kinds/release.ts'
import type { PersonRequest, PersonRequests } from '../../release/model.ts'

const ANNOTATIONS: Readonly<Record<PersonRequest, string>> = {
  promote: PROMOTE_ANNOTATION,
  'promote-full': PROMOTE_FULL_ANNOTATION,
  retry: RETRY_ANNOTATION,
}

export function requestsOf({ metadata }: Release): PersonRequests {
  return Object.fromEntries(
    Object.entries(ANNOTATIONS).flatMap(([request, annotation]) => {
      const value = metadata.annotations?.[annotation]
      return value === undefined ? [] : [[request, value]]
    }),
  )
}

export function annotationOf(request: PersonRequest | 'abort'): string {
  return request === 'abort' ? ABORT_ANNOTATION : ANNOTATIONS[request]
}
