/** A key of requests made ready: how to read it, and the cookie to set where it is one and absent. */
import { compileHashKey } from '../../routing/hash-key.ts'
import type { KeyReader } from '../../routing/hash-key.ts'
import type { HashKey } from '../../routing/route-model.ts'

export interface RequestKey {
  readonly read: KeyReader
  /** All that it takes is the client's address, which a TCP connection has too. */
  readonly isAddress: boolean
  readonly cookie: KeyCookie | undefined
}

interface KeyCookie {
  /** The beginning of the response's field. */
  readonly start: string
  /** Its end, with the line end. */
  readonly end: string
}

export function prepareKey(key: HashKey): RequestKey {
  const isAddress = key.kind === 'source-address'
  return { read: compileHashKey(key), isAddress, cookie: key.kind === 'cookie' ? prepareCookie(key) : undefined }
}

function prepareCookie({ name, ttlSeconds, path }: Extract<HashKey, { kind: 'cookie' }>): KeyCookie {
  const age = ttlSeconds === 0 ? '' : `; Max-Age=${ttlSeconds}`
  const scope = path === '' ? '' : `; Path=${path}`
  return { start: `set-cookie: ${name}=`, end: `${age}${scope}; HttpOnly\r\n` }
}
