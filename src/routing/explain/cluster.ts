/** The endpoints behind a destination, how they are, and by what one of them is picked. */
import { hostPort } from '../../base/host-port.ts'
import { assertNever } from '../../base/assert.ts'
import { createHashRing, createMaglev } from '../consistent-hash.ts'
import { withEndpoints } from '../fallback.ts'
import type { ExplainedBalance, ExplainedCluster, ExplainedEndpoint, Observed } from '../explanation.ts'
import { fieldText } from '../field-text.ts'
import { compileHashKey } from '../hash-key.ts'
import { hashText } from '../hash.ts'
import type { RequestView } from '../match.ts'
import type { Balance, Cluster, HealthCheck } from '../cluster-model.ts'
import type { RoutingSnapshot } from '../model.ts'
import type { HashKey } from '../route-model.ts'

import { durationText, hashKeyText, percentText } from './words.ts'

export interface ClusterSurroundings {
  readonly snapshot: RoutingSnapshot
  readonly observed: Observed | undefined
  readonly request: RequestView
  readonly clientAddress: string
}

/** `hashKey`: the route's, which goes before the cluster's own. */
export function explainCluster(
  name: string,
  surroundings: ClusterSurroundings & { readonly hashKey?: HashKey | undefined },
): ExplainedCluster {
  const { snapshot, observed } = surroundings
  const cluster = snapshot.clusters.find((each) => each.name === name)
  if (cluster === undefined) return missingCluster(name)
  const source = withEndpoints(cluster, (fallback) => snapshot.clusters.find((each) => each.name === fallback))
  const endpoints = explainEndpoints(source, observed)
  const problem = problemOf(cluster, endpoints)
  return {
    cluster: name,
    service: cluster.service,
    ...(cluster.subset === undefined ? {} : { subset: cluster.subset }),
    ...(source === cluster ? {} : { fallback: source.name }),
    balance: explainBalance(cluster.balance, source, surroundings),
    guards: guardsOf(cluster),
    endpoints,
    ...(problem === undefined ? {} : { problem }),
  }
}

/** A snapshot that was checked has none. */
function missingCluster(cluster: string): ExplainedCluster {
  return {
    cluster,
    service: { namespace: '', name: '', port: 0 },
    balance: { kind: 'round-robin', text: '' },
    guards: [],
    endpoints: [],
    problem: 'there is no such cluster: requests get 503 (NC)',
  }
}

function explainEndpoints({ name, endpoints }: Cluster, observed: Observed | undefined): readonly ExplainedEndpoint[] {
  const states = observed?.clusters.find((each) => each.name === name)?.endpoints ?? []
  return endpoints.map((each) => {
    const endpoint = hostPort(each.address, each.port)
    const seen = states.find((state) => state.endpoint === endpoint)
    return {
      endpoint,
      ...(seen === undefined ? {} : { state: seen.state, active: seen.active }),
      ...(seen?.slowStart === undefined ? {} : { slowStart: seen.slowStart }),
      ...(seen?.nearness === undefined ? {} : { nearness: seen.nearness }),
      weight: each.weight ?? 1,
      ...(each.workload === undefined ? {} : { workload: each.workload }),
    }
  })
}

function problemOf({ fallback }: Cluster, endpoints: readonly ExplainedEndpoint[]): string | undefined {
  if (endpoints.length === 0) {
    const chain = fallback === undefined ? '' : `, and neither has its fallback ${fallback}`
    return `it has no ready endpoint${chain}: requests get 503 (UH)`
  }
  if (endpoints.some(({ state }) => state === undefined || state === 'ready')) return undefined
  return 'none of its endpoints is well; they are used all the same, for want of others'
}

function explainBalance(
  balance: Balance = { kind: 'round-robin' },
  { endpoints }: Cluster,
  surroundings: ClusterSurroundings & { readonly hashKey?: HashKey | undefined },
): ExplainedBalance {
  const { kind } = balance
  switch (kind) {
    case 'round-robin':
      return { kind, text: 'one after the other' }
    case 'random':
      return { kind, text: 'at random' }
    case 'least-request':
      return { kind, text: 'of two drawn at random, the one with fewer requests under way' }
    case 'ring-hash':
    case 'maglev':
      return explainHash(kind, surroundings.hashKey ?? balance.key, endpoints, surroundings)
    default:
      return assertNever(kind, 'balance')
  }
}

// oxlint-disable-next-line max-params -- what is hashed, among whom, and of which request
function explainHash(
  kind: 'ring-hash' | 'maglev',
  key: HashKey,
  endpoints: Cluster['endpoints'],
  { request, clientAddress }: ClusterSurroundings,
): ExplainedBalance {
  const name = hashKeyText(key)
  const value = compileHashKey(key)(request, clientAddress) ?? ''
  if (value === '' && key.kind === 'cookie')
    return { kind, text: `by ${name}; the request has none, so one is made up and set` }
  if (value === '') return { kind, text: `by ${name}; the request has none, so at random` }
  if (endpoints.length === 0) return { kind, text: `by ${name}` }
  const owners = endpoints.map((each) => ({ name: hostPort(each.address, each.port), weight: each.weight ?? 1 }))
  const table = kind === 'maglev' ? createMaglev(owners) : createHashRing(owners)
  const owner = owners[table.ownerOf(hashText(value), 0)]
  const text = `by ${name} "${fieldText(value)}"`
  return owner === undefined ? { kind, text } : { kind, text, endpoint: owner.name }
}

/** What may keep a request from an endpoint. */
function guardsOf({ protocol, limits, outlier, healthCheck, slowStart, preferLocal, tls }: Cluster): readonly string[] {
  return [
    ...(protocol === 'http2' ? ['HTTP/2 towards the endpoints'] : []),
    ...(tls === undefined
      ? []
      : [`TLS towards the endpoints${tls.serverName === undefined ? '' : ` as ${tls.serverName}`}`]),
    ...limitTexts(limits),
    ...(outlier === undefined
      ? []
      : [
          `endpoints that fail are left out for ${durationText(outlier.baseEjectionMs)} and more, up to ${percentText(outlier.ejectedShareMax)} of them`,
        ]),
    ...(healthCheck === undefined
      ? []
      : [`health checked by ${checkText(healthCheck)} every ${durationText(healthCheck.intervalMs)}`]),
    ...(slowStart === undefined ? [] : [`new endpoints get less for ${durationText(slowStart.windowMs)}`]),
    ...(preferLocal === undefined ? [] : ['the nearest endpoints first']),
  ]
}

function checkText({ kind, path, service = '' }: HealthCheck): string {
  switch (kind) {
    case 'http':
      return `GET ${path}`
    case 'tcp':
      return 'connecting'
    case 'grpc':
      return `gRPC${service === '' ? '' : ` for ${service}`}`
    default:
      return assertNever(kind, 'kind of health check')
  }
}

/** What nobody limited has this limit. */
const UNLIMITED = 2_147_483_647

function limitTexts(limits: Cluster['limits']): readonly string[] {
  if (limits === undefined) return []
  const all = [
    [limits.requestsMax, 'requests'],
    [limits.connectionsMax, 'connections'],
    [limits.pendingMax, 'requests that wait'],
  ] as const
  const set = all.filter(([count]) => count < UNLIMITED).map(([count, what]) => `${count} ${what}`)
  return set.length === 0 ? [] : [`at most ${set.join(', ')} at once`]
}
