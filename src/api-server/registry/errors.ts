/** The answers of an API server that refuses, in the words kubectl's users know (apimachinery api/errors). */
import type { FieldError, Kind } from '../../kinds/kind.ts'
import { failure } from '../../kube/api-error.ts'
import type { ApiError, StatusCause } from '../../kube/api-error.ts'
import { resourceName } from '../../kube/object.ts'

export function badRequest(message: string): ApiError {
  return failure({ code: 400, reason: 'BadRequest', message })
}

export function unauthorized(): ApiError {
  return failure({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' })
}

export function notFound(kind: Kind, name: string): ApiError {
  return failure({
    code: 404,
    reason: 'NotFound',
    message: `${resourceName(kind.type)} "${name}" not found`,
    details: detailsOf(kind, name),
  })
}

/** For a path that names no resource. */
export function noSuchResource(): ApiError {
  return failure({
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
    details: {},
  })
}

export function alreadyExists(kind: Kind, name: string): ApiError {
  return failure({
    code: 409,
    reason: 'AlreadyExists',
    message: `${resourceName(kind.type)} "${name}" already exists`,
    details: detailsOf(kind, name),
  })
}

export function conflict(kind: Kind, name: string, why: string): ApiError {
  return failure({
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on ${resourceName(kind.type)} "${name}": ${why}`,
    details: detailsOf(kind, name),
  })
}

export const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again'

export function invalid(kind: Kind, name: string, errors: readonly FieldError[]): ApiError {
  const qualified = kind.type.group === '' ? kind.type.kind : `${kind.type.kind}.${kind.type.group}`
  const messages = errors.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`))
  const listed = messages.length === 1 ? (messages[0] ?? '') : `[${messages.join(', ')}]`
  return failure({
    code: 422,
    reason: 'Invalid',
    message: `${qualified} "${name}" is invalid: ${listed}`,
    // For this reason alone `kind` is the Kind, not the resource.
    details: { name, ...groupOf(kind), kind: kind.type.kind, causes: errors.map(causeOf) },
  })
}

export function forbidden(kind: Kind, name: string, why: string, causes?: readonly StatusCause[]): ApiError {
  return failure({
    code: 403,
    reason: 'Forbidden',
    message: `${resourceName(kind.type)} "${name}" is forbidden: ${why}`,
    details: { ...detailsOf(kind, name), ...(causes === undefined ? {} : { causes }) },
  })
}

export function methodNotAllowed(): ApiError {
  return failure({
    code: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
    details: {},
  })
}

export function notAcceptable(accepted: readonly string[]): ApiError {
  return failure({
    code: 406,
    reason: 'NotAcceptable',
    message: `only the following media types are accepted: ${accepted.join(', ')}`,
    details: {},
  })
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  return failure({
    code: 415,
    reason: 'UnsupportedMediaType',
    message: `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
    details: {},
  })
}

export function tooLarge(bytesMax: number): ApiError {
  return failure({
    code: 413,
    reason: 'RequestEntityTooLarge',
    message: `Request entity too large: limit is ${bytesMax}`,
    details: {},
  })
}

/** The version that was asked for lies in the future. */
export function versionTooLarge(asked: number, current: number): ApiError {
  return failure({
    code: 504,
    reason: 'Timeout',
    message: `Timeout: Too large resource version: ${asked}, current: ${current}`,
    details: {
      retryAfterSeconds: 1,
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    },
  })
}

export function expired(message: string): ApiError {
  return failure({ code: 410, reason: 'Expired', message })
}

export function internal(message: string): ApiError {
  return failure({
    code: 500,
    reason: 'InternalError',
    message: `Internal error occurred: ${message}`,
    details: { causes: [{ message }] },
  })
}

export function unavailable(message: string): ApiError {
  return failure({ code: 503, reason: 'ServiceUnavailable', message, details: { retryAfterSeconds: 1 } })
}

function detailsOf(kind: Kind, name: string): { name: string; group?: string; kind: string } {
  return { name, ...groupOf(kind), kind: kind.type.plural }
}

function groupOf(kind: Kind): { group?: string } {
  return kind.type.group === '' ? {} : { group: kind.type.group }
}

function causeOf({ reason, field, message }: FieldError): StatusCause {
  return { reason, message, field }
}
