/** Where in the user's files the API found its mistakes. */
import { messageOf } from '../../base/errors.ts'
import { ApiError } from '../../kube/api-error.ts'
import { formatPlace, type ManifestObject } from '../manifest/parse.ts'

/** One line per mistake, `file:line:column: Cannot <what>: <why>`. */
export function explainRefusal(error: unknown, what: string, { place, locate }: ManifestObject): readonly string[] {
  const line = (why: string, at = place): string => `${formatPlace(at)}: Cannot ${what}: ${why}`
  if (!(error instanceof ApiError)) return [line(messageOf(error))]
  const causes = (error.status.details?.causes ?? []).filter(({ field }) => field !== undefined && field !== '')
  if (error.code === 'Invalid' && causes.length > 0) {
    return causes.map(({ field = '', message = '' }) => line(`${field}: ${message}`, locate(field)))
  }
  const fields = strictFields(error.message)
  if (fields.length > 0) return fields.map(({ text, field }) => line(text, locate(field)))
  return [line(`${error.message} (${error.code})`)]
}

/** The fields of `strict decoding error: unknown field "spec.a"; did you mean "spec.c"?, duplicate field "spec.b"`. */
function strictFields(message: string): readonly { readonly text: string; readonly field: string }[] {
  return [...message.matchAll(/(?:unknown|duplicate) field "([^"]+)"(?:; did you mean [^?]+\?)?/g)].map(
    ([text, field = '']) => ({ text, field }),
  )
}
