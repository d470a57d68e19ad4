/** The one credential: a bearer token in the data directory. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** Paths that answer without a token: what load balancers and version checks ask. */
const ANONYMOUS_PATH = /^\/(healthz|livez|readyz|version)(\/|$)/

/** The token in the file, made if there is none. The file has mode 0600. */
export function ensureToken(path: string): string {
  if (existsSync(path)) {
    const token = readFileSync(path, 'utf8').trim()
    if (token !== '') return token
  }
  const token = randomBytes(32).toString('base64url')
  writeFileSync(path, `${token}\n`, { mode: 0o600 })
  return token
}

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
