/** What is asked for and cannot act where it stands: told, so that nobody relies on it. */
import type { Diagnostic } from '../../base/diagnostic.ts'
import { exposedWildcard, lacksPreflight } from './idle-cors.ts'
import type { Cluster } from '../cluster-model.ts'
import type { PathMatch } from '../match-model.ts'
import type { Route, RouteTable, VirtualHost } from '../route-model.ts'

/** Between the wildcard and the end: a name or an address in brackets, and a port. */
const DOMAIN = /^\*?(?:\[[0-9a-f:.]+\]|[a-z0-9\-._~%!$&'()+,;=]*)(?::([0-9]{1,5}))?$/i
const PORT_MAX = 65_535
/** What RFC 9110 lets methods and fields be called; fields of ours begin with a colon (see `HeaderMatch`). */
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const HEADER = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/

type ByName = Pick<ReadonlyMap<string, Cluster>, 'get'>

/** Of a virtual host's routes; paths begin with `path`. */
export function withoutEffect(routes: readonly Route[], path: string, clusters: ByName): Diagnostic[] {
  return routes.flatMap((route, index) => ofRoute(route, `${path}.routes[${index}]`, { clusters, routes }))
}

/** Each with its place. */
export function domainsUnused({ name, domains }: VirtualHost, path: string): Diagnostic[] {
  const why = 'no request has such a host. Write a name, *.name or *, each with :port where only that port is meant'
  return domains.flatMap((domain, index) =>
    isDomain(domain) ? [] : [idle(`${path}.domains[${index}]`, `domain "${domain}"`, `virtual host "${name}"`, why)],
  )
}

function isDomain(domain: string): boolean {
  const found = DOMAIN.exec(domain)
  return found !== null && Number(found[1] ?? 1) <= PORT_MAX
}

/** Every host is known where one virtual host is for all. */
export function unknownHostUnused({ id, unknownHost, virtualHosts }: RouteTable, path: string): Diagnostic[] {
  if (unknownHost === undefined || !virtualHosts.some(({ domains }) => domains.includes('*'))) return []
  return [
    idle(`${path}.unknownHost`, 'unknownHost', `route table "${id}"`, 'one of its virtual hosts has the domain "*"'),
  ]
}

interface Surroundings {
  readonly clusters: ByName
  /** Of the same virtual host. */
  readonly routes: readonly Route[]
}

function ofRoute(route: Route, path: string, { clusters, routes }: Surroundings): Diagnostic[] {
  const found: Diagnostic[] = []
  const note = (at: string, what: string, why: string): void => {
    found.push(idle(`${path}.${at}`, what, `route "${route.id}"`, why))
  }
  ofMatch(route, note)
  ofPolicy(route, clusters, note)
  ofCors(route, routes, note)
  return found
}

type Note = (at: string, what: string, why: string) => void

function ofMatch({ match: { path, methods, headers } }: Route, note: Note): void {
  if (!isPossible(path)) note('match.path', `${path.kind} "${path.value}"`, 'paths begin with a slash')
  for (const [index, method] of methods.entries()) {
    if (!METHOD.test(method)) note(`match.methods[${index}]`, `method "${method}"`, 'no method is called so')
  }
  for (const [index, { name }] of headers.entries()) {
    if (!HEADER.test(name)) note(`match.headers[${index}].name`, `header "${name}"`, 'no header is called so')
  }
}

function ofPolicy({ action, policy }: Route, clusters: ByName, note: Note): void {
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
}

function ofCors(route: Route, routes: readonly Route[], note: Note): void {
  if (lacksPreflight(route, routes)) {
    const cure = 'Add OPTIONS to its methods'
    note('policy.cors', 'cors', `browsers ask by OPTIONS first, and no route with cors takes that here. ${cure}`)
  }
  const index = exposedWildcard(route)
  if (index === -1) return
  const why = 'beside allowCredentials it is no wildcard for browsers, and is left out. Name the headers'
  note(`policy.cors.exposeHeaders[${index}]`, '"*"', why)
}

/** `*` is what `OPTIONS *` asks about. */
function isPossible({ kind, value }: PathMatch): boolean {
  return kind === 'regex' || value === '' || value === '*' || value.startsWith('/')
}

function hashes(destination: { readonly kind: string; readonly cluster?: string }, clusters: ByName): boolean {
  const kind = clusters.get(destination.cluster ?? '')?.balance?.kind
  return kind === 'ring-hash' || kind === 'maglev'
}

// oxlint-disable-next-line max-params -- where, what, whose, why
function idle(path: string, what: string, who: string, why: string): Diagnostic {
  return { severity: 'warning', code: 'no-effect', path, message: `Cannot act on ${what} of ${who}: ${why}` }
}
