/** `/api`, `/apis` and below: discovery in its legacy and its aggregated form. */
import { createHash } from 'node:crypto'
import { apiVersionOf } from '../../kube/object.ts'
import type { Exchange } from '../http/exchange.ts'
import { parseAccept } from '../http/negotiate.ts'
import { jsonReply } from '../http/reply.ts'
import type { Reply } from '../http/reply.ts'
import { notAcceptable } from '../registry/errors.ts'
import { aggregated, groupDocument, resourceList } from './resources.ts'
import type { ApiGroup } from './resources.ts'

/** The answer; undefined for paths that are not discovery. */
export function discoveryReply(groups: readonly ApiGroup[], exchange: Exchange): Reply | undefined {
  const [root, group, version, ...rest] = exchange.path.split('/').filter((segment) => segment !== '')
  if (rest.length > 0) return undefined
  if (root === 'api' && version === undefined) return coreReply(groups, exchange, group)
  if (root !== 'apis') return undefined
  const named = groups.filter(({ name }) => name !== '')
  if (group === undefined) return rootReply(named, exchange, () => legacyGroups(named))
  const found = named.find(({ name }) => name === group)
  if (found === undefined) return undefined
  if (version === undefined) {
    return cached(exchange, { kind: 'APIGroup', apiVersion: 'v1', ...groupDocument(found) })
  }
  return versionReply(found, exchange, version)
}

function coreReply(groups: readonly ApiGroup[], exchange: Exchange, version: string | undefined): Reply | undefined {
  const core = groups.filter(({ name }) => name === '')
  if (version === undefined) return rootReply(core, exchange, () => ({ kind: 'APIVersions', versions: ['v1'] }))
  const [group] = core
  return group === undefined ? undefined : versionReply(group, exchange, version)
}

function versionReply(group: ApiGroup, exchange: Exchange, version: string): Reply | undefined {
  const found = group.versions.find((candidate) => candidate.version === version)
  if (found === undefined) return undefined
  return cached(exchange, resourceList(apiVersionOf({ group: group.name, version }), found.resources))
}

function legacyGroups(groups: readonly ApiGroup[]): object {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupDocument) }
}

/** Aggregated discovery is asked for by parameters of the media type, and the answer must carry the same ones. */
function rootReply(groups: readonly ApiGroup[], exchange: Exchange, legacy: () => object): Reply {
  for (const { type, parameters } of parseAccept(exchange.request.headers.accept)) {
    const { as, g, v } = parameters
    if (as === undefined && (type === 'application/json' || type === '*/*')) return cached(exchange, legacy())
    const isAggregated = type === 'application/json' && as === 'APIGroupDiscoveryList' && g === 'apidiscovery.k8s.io'
    if (isAggregated && (v === 'v2' || v === 'v2beta1')) {
      const contentType = `application/json;g=apidiscovery.k8s.io;v=${v};as=APIGroupDiscoveryList`
      return { ...cached(exchange, aggregated(groups, v)), contentType }
    }
  }
  throw notAcceptable(['application/json'])
}

/** kubectl keeps discovery on disk and only asks whether it changed. */
function cached(exchange: Exchange, document: object): Reply {
  const body = JSON.stringify(document)
  const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`
  const headers = { ETag: etag, Vary: 'Accept', 'Cache-Control': 'public' }
  return exchange.request.headers['if-none-match'] === etag
    ? jsonReply(304, '', headers)
    : jsonReply(200, body, headers)
}
