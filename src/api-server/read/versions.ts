/** The resourceVersion parameters of reads, and the tokens that continue a list. */
import { ApiError, failure } from '../../kube/api-error.ts'
import type { Store } from '../storage/store.ts'
import { badRequest, expired, versionTooLarge } from '../registry/errors.ts'

export interface VersionQuery {
  /** Undefined: not given. */
  readonly version: number | undefined
  readonly match: 'Exact' | 'NotOlderThan' | undefined
}

export function parseVersionQuery(query: URLSearchParams): VersionQuery {
  const text = query.get('resourceVersion') ?? ''
  const match = query.get('resourceVersionMatch') ?? ''
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan') {
    throw invalidOptions(
      `resourceVersionMatch: Unsupported value: "${match}": supported values: "Exact", "NotOlderThan"`,
    )
  }
  const sendsInitialEvents = query.get('sendInitialEvents') !== null
  if (match !== '' && text === '' && !sendsInitialEvents) {
    throw invalidOptions(
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    )
  }
  if (match === 'Exact' && text === '0') {
    throw invalidOptions(
      'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    )
  }
  return { version: text === '' ? undefined : parseVersion(text), match: match === '' ? undefined : match }
}

function parseVersion(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid resource version "${text}"`)
  return Number(text)
}

/** 504 when `version` has not happened yet. */
export function checkNotFuture(store: Store, version: number | undefined): void {
  if (version !== undefined && version > store.version) throw versionTooLarge(version, store.version)
}

export function tooOld(version: number, oldest: number): string {
  return `too old resource version: ${version} (${oldest})`
}

export function invalidOptions(message: string): Error {
  return failure({ code: 422, reason: 'Invalid', message: `ListOptions.meta.k8s.io "" is invalid: ${message}` })
}

/** Where a paged list goes on: after `after`, in the state of `version`. */
export interface ContinueToken {
  readonly version: number
  readonly after: string
}

export function encodeToken(token: ContinueToken): string {
  return Buffer.from(JSON.stringify([token.version, token.after])).toString('base64url')
}

export function decodeToken(text: string): ContinueToken {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (Array.isArray(decoded)) {
      const [version, after] = decoded as unknown[]
      if (typeof version === 'number' && typeof after === 'string') return { version, after }
    }
  } catch {
    // Not JSON: refused below like any other text that is not a token of ours.
  }
  throw badRequest('continue key is not valid')
}

/** 410, with a token that goes on from the same place in a newer state. */
export function expiredToken(store: Store, token: ContinueToken): Error {
  const message =
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.'
  const metadata = { continue: encodeToken({ version: store.version, after: token.after }) }
  return new ApiError({ ...expired(message).status, metadata })
}
