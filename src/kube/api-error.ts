/** What the API answers when it refuses: a `Status` object (apimachinery meta/v1), as an error. */

export interface StatusCause {
  /** `FieldValueInvalid`, `FieldValueRequired`, … */
  readonly reason?: string
  readonly message?: string
  /** Field path: `spec.replicas`. */
  readonly field?: string
}

export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  /** Plural resource, except for reason Invalid where it is the Kind. */
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly StatusCause[]
  readonly retryAfterSeconds?: number
}

export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string }
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: string
  readonly details?: StatusDetails
  readonly code: number
}

/** `code` holds the Status reason (`NotFound`, `Conflict`, …), as every typed error of ours has a `code`. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: Status

  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? status.reason ?? `HTTP ${status.code}`, options)
    this.status = status
  }

  /** The Status reason: `NotFound`. */
  get code(): string {
    return this.status.reason ?? 'Unknown'
  }
}

export function failure(
  fields: {
    readonly code: number
    readonly reason: string
    readonly message: string
    readonly details?: StatusDetails
  },
  options?: ErrorOptions,
): ApiError {
  return new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', ...fields }, options)
}

export function isReason(error: unknown, reason: string): error is ApiError {
  return error instanceof ApiError && error.code === reason
}
