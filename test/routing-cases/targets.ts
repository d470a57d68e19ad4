/** Targets that are no path: absolute ones, `OPTIONS *`, and CONNECT with its authority. */
import { acting, among, answering, forwarding, host, request, single, taken } from './sketch.ts'
import type { RoutingCase } from './sketch.ts'

const hosts = [host('any', ['*'], [answering('any')]), host('echo', ['echo.example.com'], [answering('echo')])]

interface AbsoluteRow {
  readonly target: string
  readonly seen: { readonly host: string; readonly path: string; readonly query?: string }
  readonly route: string
}

/** The field `Host` does not count beside them (RFC 9112 §3.2.2). */
const absolute: readonly AbsoluteRow[] = [
  { target: 'http://echo.example.com/x', seen: { host: 'echo.example.com', path: '/x' }, route: 'echo' },
  { target: 'http://echo.example.com', seen: { host: 'echo.example.com', path: '/' }, route: 'echo' },
  { target: 'http://echo.example.com:8080/', seen: { host: 'echo.example.com:8080', path: '/' }, route: 'echo' },
  { target: 'HTTP://ECHO.example.com/', seen: { host: 'ECHO.example.com', path: '/' }, route: 'echo' },
  { target: 'https://echo.example.com/', seen: { host: 'echo.example.com', path: '/' }, route: 'echo' },
  { target: 'http://other.example.com/', seen: { host: 'other.example.com', path: '/' }, route: 'any' },
]

const viaAbsolute = (target: string, seen: { host: string; path: string; query?: string }, line: string): RoutingCase =>
  taken(
    `${target} reaches the endpoint as ${line}`,
    forwarding('r', {}),
    { target, host: 'other', seen },
    { kind: 'endpoint', cluster: 'v1', line, fields: { host: seen.host } },
  )

const star = { path: '*' }
const tunnels = forwarding('r', { methods: ['CONNECT'] })
const connect = { method: 'CONNECT', target: 'db:5432', seen: { host: 'db:5432', path: '/' } }
const noTunnel = { kind: 'answer', status: 405 } as const

export const targetCases: readonly RoutingCase[] = [
  ...absolute.map(({ target, seen, route }) =>
    among(
      `${target} is for ${route}`,
      hosts,
      { target, host: route === 'any' ? 'echo.example.com' : 'x', seen },
      route,
    ),
  ),
  viaAbsolute('http://a:81/x/y?z=1', { host: 'a:81', path: '/x/y', query: 'z=1' }, 'GET /x/y?z=1'),
  viaAbsolute('http://a', { host: 'a', path: '/' }, 'GET /'),
  viaAbsolute('http://a?z=1', { host: 'a', path: '/', query: 'z=1' }, 'GET /?z=1'),
  viaAbsolute('http://a//x', { host: 'a', path: '//x' }, 'GET //x'),
  single(
    'the path of an absolute target is matched',
    { path: { kind: 'exact', value: '/x' } },
    { target: 'http://a/x?y', seen: { host: 'a', path: '/x', query: 'y' } },
    true,
  ),
  single(
    'the query of an absolute target is matched',
    { query: [{ name: 'y', value: { kind: 'exact', value: '1' } }] },
    { target: 'http://a?y=1', seen: { host: 'a', path: '/', query: 'y=1' } },
    true,
  ),
  single(
    'the host of an absolute target is :authority',
    { headers: [{ name: ':authority', value: { kind: 'exact', value: 'a:81' }, invert: false }] },
    { host: 'b', target: 'http://a:81/', seen: { host: 'a:81', path: '/' } },
    true,
  ),

  single('OPTIONS * is for a route of everything', {}, { method: 'OPTIONS', target: '*', seen: star }, true),
  single(
    'OPTIONS * has a path of its own',
    { path: { kind: 'exact', value: '*' } },
    { method: 'OPTIONS', target: '*', seen: star },
    true,
  ),
  single(
    'OPTIONS * is not the path /',
    { path: { kind: 'exact', value: '/' } },
    { method: 'OPTIONS', target: '*', seen: star },
    false,
  ),
  single(
    'OPTIONS * is below no path',
    { path: { kind: 'path-prefix', value: '/foo' } },
    { method: 'OPTIONS', target: '*', seen: star },
    false,
  ),
  taken(
    'OPTIONS * reaches the endpoint as it is',
    forwarding('r', {}),
    { method: 'OPTIONS', target: '*', seen: star },
    { kind: 'endpoint', cluster: 'v1', line: 'OPTIONS *' },
  ),
  ...(['prefix', 'path-prefix'] as const).map((kind) =>
    taken(
      `OPTIONS * has no path to rewrite under a ${kind}`,
      forwarding(
        'r',
        { path: { kind, value: '/' } },
        { policy: { rewrite: { path: { kind: 'prefix', value: '/api' } } } },
      ),
      { method: 'OPTIONS', target: '*', seen: star },
      { kind: 'endpoint', cluster: 'v1', line: 'OPTIONS *' },
    ),
  ),
  taken(
    'OPTIONS * is redirected to the server as a whole',
    acting('r', {}, { kind: 'redirect', status: 308, host: 'new.example.com', stripQuery: false }),
    { method: 'OPTIONS', target: '*', seen: star },
    { kind: 'answer', status: 308, fields: { location: 'http://new.example.com' } },
  ),

  taken('CONNECT opens a tunnel where a route names it', tunnels, connect, { kind: 'tunnel', cluster: 'v1' }),
  taken(
    'CONNECT goes by the host of its target, not by the field',
    tunnels,
    { ...connect, host: 'other' },
    { kind: 'tunnel', cluster: 'v1' },
  ),
  {
    name: 'CONNECT finds its virtual host by the target',
    virtualHosts: [
      host('db', ['db'], [forwarding('db', { methods: ['CONNECT'] }, { to: { v2: 1 } })]),
      host('any', ['*'], [tunnels]),
    ],
    request: request({ ...connect, host: 'other' }),
    route: 'db',
    outcome: { kind: 'tunnel', cluster: 'v2' },
  },
  {
    name: 'CONNECT is not for a route of every method',
    virtualHosts: [host('h', ['*'], [forwarding('r', {})])],
    request: request(connect),
    route: null,
    outcome: noTunnel,
  },
  {
    name: 'CONNECT passes over routes of every method to one that names it',
    virtualHosts: [host('h', ['*'], [answering('all'), forwarding('tunnels', { methods: ['GET', 'CONNECT'] })])],
    request: request(connect),
    route: 'tunnels',
    outcome: { kind: 'tunnel', cluster: 'v1' },
  },
  {
    name: 'CONNECT has the path /, and no other',
    virtualHosts: [host('h', ['*'], [forwarding('r', { methods: ['CONNECT'], path: { value: '/x' } })])],
    request: request(connect),
    route: null,
    outcome: noTunnel,
  },
  taken(
    'CONNECT can be refused by a route',
    acting('r', { methods: ['CONNECT'] }, { kind: 'respond', status: 403, body: 'no', headers: [] }),
    connect,
    { kind: 'answer', status: 403, body: 'no' },
  ),
  taken(
    'GET takes a route that also names CONNECT',
    forwarding('r', { methods: ['CONNECT', 'GET'] }),
    {},
    {
      kind: 'endpoint',
      cluster: 'v1',
      line: 'GET /',
    },
  ),
]
