/** What of a request decides where it goes, when the same must always go to the same place. */
import { assertNever } from '../base/assert.ts'

import { queryParameter } from './match.ts'
import type { RequestView } from './match.ts'
import type { HashKey } from './route-model.ts'

/** Undefined or empty: the request does not have it. */
export type KeyReader = (request: RequestView, clientAddress: string) => string | undefined

/** Reads the key out of requests. */
export function compileHashKey(key: HashKey): KeyReader {
  switch (key.kind) {
    case 'header':
      return (request) => firstHeader(request, key.name)
    case 'query':
      return (request) => queryParameter(request.query, key.name)
    case 'cookie':
      return (request) => cookie(request, key.name)
    case 'source-address':
      return (_request, clientAddress) => clientAddress
    default:
      return assertNever(key, 'hash key')
  }
}

function firstHeader(request: RequestView, name: string): string | undefined {
  let found: string | undefined
  request.someHeader(name, (value) => {
    found = value
    return true
  })
  return found
}

/** The first cookie of that name; `cookie-pair = cookie-name "=" cookie-value`, separated by `;` (RFC 6265 §4.2.1). */
function cookie(request: RequestView, name: string): string | undefined {
  let found: string | undefined
  request.someHeader('cookie', (header) => {
    for (const pair of header.split(';')) {
      const equals = pair.indexOf('=')
      if (equals === -1 || pair.slice(0, equals).trim() !== name) continue
      found = pair.slice(equals + 1).trim()
      return true
    }
    return false
  })
  return found
}
