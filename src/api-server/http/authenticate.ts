/** Who asks. Every request passes `authenticator` before anything else looks at it. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { failure } from '../../kube/api-error.ts'
import type { ApiError } from '../../kube/api-error.ts'
import { unauthorized } from '../registry/errors.ts'

export interface User {
  readonly name: string
  readonly groups: readonly string[]
}

/** The one user that has a credential: the bearer token in the data directory. */
const ADMINISTRATOR: User = { name: 'sluice-admin', groups: ['system:masters', 'system:authenticated'] }
const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] }

const ANONYMOUS_PATH = /^\/(healthz|livez|readyz|version)(\/|$)/
/** What every user may read who has proved who he is: Kubernetes' roles system:discovery and system:public-info-viewer. */
const DISCOVERY_PATH =
  /^\/(?:(?:healthz|livez|readyz|version|openapi)(?:\/|$)|api(?:\/[^/]+)?\/?$|apis(?:\/[^/]+){0,2}\/?$)/
const IMPERSONATION = 'impersonate-'

/**
 * The user of a request.
 * @throws ApiError 401 without the token, 403 for a request in the name of another user
 */
export type Authenticate = (request: { readonly path: string; readonly headers: IncomingHttpHeaders }) => User

export function authenticator(token: string): Authenticate {
  const isAuthentic = tokenCheck(token)
  return ({ path, headers }) => {
    const user = isAuthentic(headers.authorization) ? ADMINISTRATOR : ANONYMOUS
    if (user === ANONYMOUS && !isPublic(path)) throw unauthorized()
    const impersonation = Object.keys(headers).find((name) => name.startsWith(IMPERSONATION))
    if (impersonation !== undefined && !DISCOVERY_PATH.test(path)) {
      throw cannotImpersonate(impersonation, headers[impersonation])
    }
    return user
  }
}

/** Paths that answer without a token: what load balancers and version checks ask. */
export function isPublic(path: string): boolean {
  return ANONYMOUS_PATH.test(path)
}

/** Without roles there is no answer to what another user may do, and the caller's own rights would be the wrong one. */
function cannotImpersonate(header: string, value: string | readonly string[] | undefined): ApiError {
  const whom = `${header.slice(IMPERSONATION.length)} ${JSON.stringify(String(value))}`
  return failure({
    code: 403,
    reason: 'Forbidden',
    message:
      `Cannot impersonate ${whom}: Sluice has one user, "${ADMINISTRATOR.name}", and no roles yet that say what others may do. ` +
      'Ask without --as, --as-group, --as-uid and the headers Impersonate-*',
    details: {},
  })
}

/** Checks `Authorization` headers against the token, in a time that does not depend on what is wrong. */
function tokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = digest(token)
  return (authorization = '') => {
    const [scheme = '', given = ''] = authorization.split(' ')
    return timingSafeEqual(digest(given), expected) && scheme.toLowerCase() === 'bearer'
  }
}

/** Digests have one length whatever was sent. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
