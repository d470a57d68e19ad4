/** LIST: a consistent state of a collection, whole or in pages. */
import type { Stored } from '../storage/collection.ts'
import type { Store } from '../storage/store.ts'
import { badRequest, expired } from '../registry/errors.ts'
import { inVersion, storageOf } from '../registry/resource.ts'
import type { ServedKind } from '../registry/resource.ts'
import type { Selection } from './selection.ts'
import { checkNotFuture, decodeToken, encodeToken, expiredToken, parseVersionQuery, tooOld } from './versions.ts'

export interface Page {
  /** In the version of the request. */
  readonly items: readonly Stored[]
  readonly metadata: {
    readonly resourceVersion: string
    readonly continue?: string
    readonly remainingItemCount?: number
  }
}

export function listPage(store: Store, kind: ServedKind, selection: Selection, query: URLSearchParams): Page {
  const { version, after } = startOf(store, query)
  const limit = limitOf(query)
  const all = store.listAt(storageOf(kind), version)
  const rest = after === undefined ? all : all.filter((item) => item.key > after)
  const selected = rest.filter(({ object }) => selection.matches(object))
  const resourceVersion = String(version)
  const last = limit === undefined || selected.length <= limit ? undefined : selected[limit - 1]
  const items = selected.slice(0, limit).map((item) => inVersion(kind, item))
  if (last === undefined) return { items, metadata: { resourceVersion } }
  return {
    items,
    metadata: {
      resourceVersion,
      continue: encodeToken({ version, after: last.key }),
      ...(selection.isFiltered ? {} : { remainingItemCount: selected.length - (limit ?? 0) }),
    },
  }
}

function startOf(store: Store, query: URLSearchParams): { version: number; after: string | undefined } {
  const token = query.get('continue') ?? ''
  const { version, match } = parseVersionQuery(query)
  if (token !== '') {
    if (version !== undefined && version !== 0) {
      throw badRequest('specifying resource version is not allowed when using continue')
    }
    const decoded = decodeToken(token)
    checkNotFuture(store, decoded.version)
    if (decoded.version < store.trimmedVersion) throw expiredToken(store, decoded)
    return decoded
  }
  checkNotFuture(store, version)
  // With a limit a plain version has always meant exactly that version.
  const isExact = match === 'Exact' || (match === undefined && query.has('limit'))
  if (version === undefined || version === 0 || !isExact) return { version: store.version, after: undefined }
  if (version < store.trimmedVersion) throw expired(tooOld(version, store.trimmedVersion))
  return { version, after: undefined }
}

function limitOf(query: URLSearchParams): number | undefined {
  const text = query.get('limit') ?? ''
  if (text === '' || text === '0') return undefined
  if (!/^\d{1,9}$/.test(text)) {
    throw badRequest(`Cannot read the query parameter limit: "${text}" is not a whole number, 0 or greater`)
  }
  return Number(text)
}
