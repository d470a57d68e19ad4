/** What becomes of requests for hosts that no virtual host has, by what the route table says of them. */
import type { RouteTable } from '../../src/routing/route-model.ts'
import { OUTSIDE, answerOf, answering, forwarding, host, request } from './sketch.ts'
import type { CaseRequest, Outcome, RoutingCase } from './sketch.ts'

type UnknownHost = NonNullable<RouteTable['unknownHost']>

const hosts = [
  host('known', ['known.test', '*.known.test'], [answering('known', { path: { kind: 'exact', value: '/known' } })]),
  host('tunnels', ['db.test'], [forwarding('tunnels', { methods: ['CONNECT'] })]),
]

const notFound: Outcome = { kind: 'answer', status: 404 }
const refused: Outcome = { kind: 'answer', status: 502 }
const noTunnel: Outcome = { kind: 'answer', status: 405 }
const outside = (line: string): Outcome => ({ kind: 'outside', line })

interface Row {
  readonly what: string
  readonly sent: Partial<CaseRequest>
  readonly route?: string
  readonly outcomes: Readonly<Record<UnknownHost, Outcome>>
}

/** The same for all three. */
const always = (outcome: Outcome): Row['outcomes'] => ({ 'not-found': outcome, refuse: outcome, passthrough: outcome })

const rows: readonly Row[] = [
  {
    what: 'a host that nobody has',
    sent: { host: OUTSIDE, target: '/a?b' },
    outcomes: { 'not-found': notFound, refuse: refused, passthrough: outside('GET /a?b') },
  },
  {
    what: 'the same in another method',
    sent: { method: 'DELETE', host: OUTSIDE, target: '/known' },
    outcomes: { 'not-found': notFound, refuse: refused, passthrough: outside('DELETE /known') },
  },
  {
    what: 'an absolute target beside a host that is known',
    sent: { host: 'known.test', target: `http://${OUTSIDE}/a`, seen: { host: OUTSIDE, path: '/a' } },
    outcomes: { 'not-found': notFound, refuse: refused, passthrough: outside('GET /a') },
  },
  {
    what: 'a tunnel to a host that nobody has',
    sent: { method: 'CONNECT', host: OUTSIDE, target: OUTSIDE, seen: { host: OUTSIDE, path: '/' } },
    outcomes: { 'not-found': noTunnel, refuse: refused, passthrough: { kind: 'outside-tunnel' } },
  },
  {
    what: 'a host with a port that is none',
    sent: { host: 'outside.test:0', target: '/' },
    outcomes: { 'not-found': notFound, refuse: refused, passthrough: refused },
  },
  {
    what: 'a host that is known',
    sent: { host: 'known.test', target: '/known' },
    route: 'known',
    outcomes: always(answerOf('known')),
  },
  {
    what: 'a host that is known by a wildcard, with a port',
    sent: { host: 'a.known.test:81', target: '/known' },
    route: 'known',
    outcomes: always(answerOf('known')),
  },
  {
    what: 'a host that is known, by none of its routes',
    sent: { host: 'known.test', target: '/a' },
    outcomes: always(notFound),
  },
  {
    what: 'an absolute target that is known beside a host that nobody has',
    sent: { host: OUTSIDE, target: 'http://known.test/known', seen: { host: 'known.test', path: '/known' } },
    route: 'known',
    outcomes: always(answerOf('known')),
  },
  {
    what: 'a tunnel to a host that is known and has none',
    sent: {
      method: 'CONNECT',
      host: 'known.test:443',
      target: 'known.test:443',
      seen: { host: 'known.test:443', path: '/' },
    },
    outcomes: always(noTunnel),
  },
  {
    what: 'a tunnel to a host that is known',
    sent: {
      method: 'CONNECT',
      host: 'db.test:5432',
      target: 'db.test:5432',
      seen: { host: 'db.test:5432', path: '/' },
    },
    route: 'tunnels',
    outcomes: always({ kind: 'tunnel', cluster: 'v1' }),
  },
]

export const unknownHostCases: readonly RoutingCase[] = (['not-found', 'refuse', 'passthrough'] as const).flatMap(
  (unknownHost) =>
    rows.map(({ what, sent, route = null, outcomes }) => ({
      name: `unknown hosts ${unknownHost}: ${what}`,
      virtualHosts: hosts,
      unknownHost,
      request: request(sent),
      route,
      outcome: outcomes[unknownHost],
    })),
)
