/** What is asked for and cannot act where it stands: told, so that nobody relies on it. */
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Cluster } from '../cluster-model.ts'
import type { Route, RouteTable } from '../route-model.ts'

type ByName = ReadonlyMap<string, Cluster>

/** Of a virtual host's routes; paths begin with `path`. */
export function withoutEffect(routes: readonly Route[], path: string, clusters: ByName): Diagnostic[] {
  return routes.flatMap((route, index) => ofRoute(route, `${path}.routes[${index}]`, clusters))
}

/** Every host is known where one virtual host is for all. */
export function unknownHostUnused({ id, unknownHost, virtualHosts }: RouteTable, path: string): Diagnostic[] {
  const isForAll = virtualHosts.some(({ domains }) => domains.includes('*'))
  if (unknownHost === undefined || !isForAll) return []
  return [
    idle(`${path}.unknownHost`, 'unknownHost', `route table "${id}"`, 'one of its virtual hosts has the domain "*"'),
  ]
}

function ofRoute(route: Route, path: string, clusters: ByName): Diagnostic[] {
  const { id, action, policy } = route
  const who = `route "${id}"`
  const found: Diagnostic[] = []
  const note = (at: string, what: string, why: string): void => {
    found.push(idle(`${path}.${at}`, what, who, why))
  }
  if (action.kind !== 'forward') {
    for (const name of ['retry', 'mirrors', 'tunnelDrainMs'] as const) {
      if (policy[name] !== undefined) note(`policy.${name}`, name, 'it does not forward')
    }
  } else if (action.hashKey !== undefined && !action.destinations.some((each) => hashes(each, clusters))) {
    note('action.hashKey', 'hashKey', 'none of its clusters balances by ring-hash or maglev')
  }
  const { retry } = policy
  if (retry !== undefined && retry.statuses.length > 0 && !retry.on.includes('retriable-status-codes')) {
    note('policy.retry.statuses', 'statuses', '"retriable-status-codes" is not among its conditions')
  }
  return found
}

function hashes(destination: { readonly kind: string; readonly cluster?: string }, clusters: ByName): boolean {
  const kind = clusters.get(destination.cluster ?? '')?.balance?.kind
  return kind === 'ring-hash' || kind === 'maglev'
}

// oxlint-disable-next-line max-params -- where, what, whose, why
function idle(path: string, what: string, who: string, why: string): Diagnostic {
  return { severity: 'warning', code: 'no-effect', path, message: `Cannot act on ${what} of ${who}: ${why}` }
}
