/** The one credential: a bearer token in the data directory. */
import { createHash, timingSafeEqual } from 'node:crypto'

/** Paths that answer without a token: what load balancers and version checks ask. */
const ANONYMOUS_PATH = /^\/(healthz|livez|readyz|version)(\/|$)/

export function isAnonymous(path: string): boolean {
  return ANONYMOUS_PATH.test(path)
}

/** Checks `Authorization` headers against the token, in a time that does not depend on what is wrong. */
export function authenticator(token: string): (authorization: string | undefined) => boolean {
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
