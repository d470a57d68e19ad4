/** `/openapi/v2` and `/openapi/v3`: made when first asked for, then kept as long as the same kinds are served. */
import { createHash } from 'node:crypto'
import { openApiV2, openApiV3 } from '../../kinds/openapi.ts'
import type { Exchange } from '../http/exchange.ts'
import { jsonReply } from '../http/reply.ts'
import type { Reply } from '../http/reply.ts'
import type { Registry } from '../registry/registry.ts'

/** With the `@` that kubectl asks for, Go's own parser would refuse the answer. */
const V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
const YEAR_SECONDS = 365 * 24 * 60 * 60

interface Document {
  readonly body: string
  readonly hash: string
}

export class OpenApi {
  readonly #registry: Registry
  #v2: Buffer | undefined
  #v3: ReadonlyMap<string, Document> | undefined

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** The answer; undefined for other paths. */
  reply({ path, query, request }: Exchange): Reply | undefined {
    const known = request.headers['if-none-match']
    if (path === '/openapi/v2') return this.#v2Reply(known)
    if (path === '/openapi/v3') return jsonReply(200, this.#index())
    if (!path.startsWith('/openapi/v3/')) return undefined
    const document = this.#documents().get(path.slice('/openapi/v3/'.length))
    if (document === undefined) return undefined
    const headers = cacheHeaders(document.hash, query.get('hash') === document.hash)
    return known === headers['ETag'] ? jsonReply(304, '', headers) : jsonReply(200, document.body, headers)
  }

  #v2Reply(known: string | undefined): Reply {
    this.#v2 ??= Buffer.from(openApiV2(this.#registry.kinds))
    const headers = cacheHeaders(hashOf(this.#v2), false)
    if (known === headers['ETag']) return { ...jsonReply(304, '', headers), contentType: V2_TYPE }
    return { code: 200, contentType: V2_TYPE, body: this.#v2, headers }
  }

  #index(): object {
    const paths = [...this.#documents()].map(([path, { hash }]) => {
      return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const
    })
    return { paths: Object.fromEntries(paths) }
  }

  #documents(): ReadonlyMap<string, Document> {
    this.#v3 ??= makeDocuments(this.#registry)
    return this.#v3
  }
}

function makeDocuments(registry: Registry): ReadonlyMap<string, Document> {
  const groupVersions = [...registry.groups()].flatMap(([group, versions]) =>
    versions.map((version) => ({ group, version })),
  )
  return new Map(
    groupVersions.map((groupVersion) => {
      const { group, version } = groupVersion
      const body = JSON.stringify(openApiV3(registry.kinds, groupVersion))
      return [group === '' ? `api/${version}` : `apis/${group}/${version}`, { body, hash: hashOf(body) }]
    }),
  )
}

/** A URL that names the hash always means this very document. */
function cacheHeaders(hash: string, isImmutable: boolean): Readonly<Record<string, string>> {
  const lifetime = isImmutable ? `public, immutable, max-age=${YEAR_SECONDS}` : 'no-cache'
  return { ETag: `"${hash}"`, Vary: 'Accept', 'Cache-Control': lifetime }
}

function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 32).toUpperCase()
}
