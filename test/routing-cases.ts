/**
 * One table of (virtual hosts, request → route) that every judge of routing agrees on: `decide` as a function, the live
 * proxy, and later Envoy. A route answers with its own id, so the answer says which route was taken.
 */
import type { HeaderMatch, PathMatch, QueryMatch, Route, ValueMatch, VirtualHost } from '../src/routing/model.ts'

export interface RoutingCase {
  readonly name: string
  readonly virtualHosts: readonly VirtualHost[]
  readonly request: CaseRequest
  /** Id of the route; null: none (404). */
  readonly route: string | null
}

export interface CaseRequest {
  readonly method: string
  readonly host: string
  /** Path and query. */
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

interface RouteSketch {
  readonly path?: Partial<PathMatch>
  readonly methods?: readonly string[]
  readonly headers?: readonly HeaderMatch[]
  readonly query?: readonly QueryMatch[]
}

/** A route that answers with its id. */
export function answering(id: string, sketch: RouteSketch = {}): Route {
  return {
    id,
    origin: { kind: 'VirtualService', namespace: 'gloo-system', name: 'cases', generation: 1, rule: 0, match: 0 },
    match: {
      path: { kind: 'prefix', value: '/', caseSensitive: true, ...sketch.path },
      methods: sketch.methods ?? [],
      headers: sketch.headers ?? [],
      query: sketch.query ?? [],
    },
    action: { kind: 'respond', status: 200, body: id, headers: [] },
    policy: { timeoutMs: 0 },
  }
}

export const routingCases: readonly RoutingCase[] = [
  ...pathCases(),
  ...methodCases(),
  ...headerCases(),
  ...queryCases(),
  ...orderCases(),
  ...hostCases(),
]

function pathCases(): RoutingCase[] {
  return [
    path('prefix', '/', '/', true),
    path('prefix', '/', '/anything/at?all', true),
    path('prefix', '/foo', '/foo', true),
    path('prefix', '/foo', '/foobar', true),
    path('prefix', '/foo', '/foo/bar', true),
    path('prefix', '/foo', '/fo', false),
    path('prefix', '/foo', '/Foo', false),
    anyCasePath('prefix', '/foo', '/Foo/x'),
    path('prefix', '/foo/', '/foo', false),
    path('path-prefix', '/foo', '/foo', true),
    path('path-prefix', '/foo', '/foo/', true),
    path('path-prefix', '/foo', '/foo/bar', true),
    path('path-prefix', '/foo', '/foobar', false),
    path('path-prefix', '/foo/', '/foo', true),
    path('path-prefix', '/foo/', '/foobar', false),
    anyCasePath('path-prefix', '/foo', '/FOO/bar'),
    path('path-prefix', '/foo', '/foo?x=/bar', true),
    path('path-prefix', '/', '/anything', true),
    path('exact', '/foo', '/foo', true),
    path('exact', '/foo', '/foo?x=1', true),
    path('exact', '/foo', '/foo/', false),
    path('exact', '/foo', '/FOO', false),
    anyCasePath('exact', '/foo', '/FOO'),
    path('regex', '/v[0-9]+', '/v12', true),
    path('regex', '/v[0-9]+', '/v12/x', false),
    path('regex', '/v[0-9]+', '/av1', false),
    path('regex', '/v[0-9]+/.*', '/v1/anything', true),
    path('regex', '/a|/b', '/b', true),
    path('regex', '/a|/b', '/ab', false),
    path('regex', '/foo', '/foo?x=/bar', true),
    anyCasePath('regex', '/foo', '/FOO'),
  ]
}

function path(kind: PathMatch['kind'], value: string, target: string, taken: boolean): RoutingCase {
  return single(
    `path ${kind} "${value}" and ${target}`,
    { path: { kind, value, caseSensitive: true } },
    { target },
    taken,
  )
}

function anyCasePath(kind: PathMatch['kind'], value: string, target: string): RoutingCase {
  const sketch = { path: { kind, value, caseSensitive: false } }
  return single(`path ${kind} "${value}" in any case and ${target}`, sketch, { target }, true)
}

function methodCases(): RoutingCase[] {
  return [
    single('a method that is asked for', { methods: ['GET'] }, { method: 'GET' }, true),
    single('another method', { methods: ['GET'] }, { method: 'DELETE' }, false),
    single('one of several methods', { methods: ['GET', 'PUT'] }, { method: 'PUT' }, true),
    single('a method that looks alike', { methods: ['GET'] }, { method: 'get' }, false),
  ]
}

function headerCases(): RoutingCase[] {
  const header = (value: ValueMatch, sent: string | null, taken: boolean, invert = false) =>
    single(
      `header ${invert ? 'not ' : ''}${value.kind}${'value' in value ? ` "${value.value}"` : ''} and ${sent === null ? 'no header' : `"${sent}"`}`,
      { headers: [{ name: 'stage', value, invert }] },
      { headers: sent === null ? [] : [['stage', sent]] },
      taken,
    )
  return [
    header({ kind: 'exact', value: 'canary' }, 'canary', true),
    header({ kind: 'exact', value: 'canary' }, 'Canary', false),
    header({ kind: 'exact', value: 'canary' }, 'canary2', false),
    header({ kind: 'exact', value: 'canary' }, null, false),
    header({ kind: 'exact', value: 'canary' }, 'canary', false, true),
    header({ kind: 'exact', value: 'canary' }, 'prod', true, true),
    header({ kind: 'prefix', value: 'can' }, 'canary', true),
    header({ kind: 'prefix', value: 'can' }, 'prod', false),
    header({ kind: 'suffix', value: 'ary' }, 'canary', true),
    header({ kind: 'suffix', value: 'ary' }, 'canary!', false),
    header({ kind: 'regex', value: 'can.*' }, 'canary', true),
    header({ kind: 'regex', value: 'can' }, 'canary', false),
    header({ kind: 'present' }, 'x', true),
    header({ kind: 'present' }, null, false),
    header({ kind: 'present' }, null, true, true),
    header({ kind: 'present' }, 'x', false, true),
    single(
      'header names in any case',
      { headers: [{ name: 'stage', value: { kind: 'exact', value: 'canary' }, invert: false }] },
      { headers: [['STAGE', 'canary']] },
      true,
    ),
    single(
      'two headers of which one is missing',
      {
        headers: [
          { name: 'a', value: { kind: 'present' }, invert: false },
          { name: 'b', value: { kind: 'present' }, invert: false },
        ],
      },
      { headers: [['a', '1']] },
      false,
    ),
    ...['1', '2'].map((value) =>
      single(
        `a header that was sent twice, once as ${value}`,
        { headers: [{ name: 'a', value: { kind: 'exact', value }, invert: false }] },
        {
          headers: [
            ['a', '1'],
            ['a', '2'],
          ],
        },
        true,
      ),
    ),
    single(
      'a header that was sent twice, once as what must not be',
      { headers: [{ name: 'a', value: { kind: 'exact', value: '2' }, invert: true }] },
      {
        headers: [
          ['a', '1'],
          ['a', '2'],
        ],
      },
      false,
    ),
    single(
      'a header that must not have a value, and is not there',
      { headers: [{ name: 'a', value: { kind: 'exact', value: '2' }, invert: true }] },
      {},
      true,
    ),
    single(
      'the host by its pseudo header',
      { headers: [{ name: ':authority', value: { kind: 'exact', value: 'echo.example.com' }, invert: false }] },
      { host: 'echo.example.com' },
      true,
    ),
  ]
}

function queryCases(): RoutingCase[] {
  return [
    query({ kind: 'exact', value: '2' }, '/?v=2', true),
    query({ kind: 'exact', value: '2' }, '/?v=22', false),
    query({ kind: 'exact', value: '2' }, '/?a=1&v=2', true),
    query({ kind: 'exact', value: '2' }, '/?xv=2', false),
    query({ kind: 'exact', value: '2' }, '/', false),
    query({ kind: 'exact', value: '' }, '/?v', true),
    query({ kind: 'exact', value: '1' }, '/?v=1&v=2', true),
    query({ kind: 'present' }, '/?v', true),
    query({ kind: 'present' }, '/?vv=1', false),
    query({ kind: 'regex', value: '[0-9]+' }, '/?v=42', true),
    query({ kind: 'regex', value: '[0-9]+' }, '/?v=42x', false),
  ]
}

function query(value: ValueMatch, target: string, taken: boolean): RoutingCase {
  return single(
    `query v ${value.kind}${'value' in value ? ` "${value.value}"` : ''} and ${target}`,
    { query: [{ name: 'v', value }] },
    { target },
    taken,
  )
}

function orderCases(): RoutingCase[] {
  const canary = answering('canary', {
    headers: [{ name: 'stage', value: { kind: 'exact', value: 'canary' }, invert: false }],
  })
  const story = [host('story', ['*'], [canary, answering('stable')])]
  return [
    {
      name: 'the story: with the header',
      virtualHosts: story,
      request: request({ headers: [['stage', 'canary']] }),
      route: 'canary',
    },
    { name: 'the story: without the header', virtualHosts: story, request: request({}), route: 'stable' },
    {
      name: 'the first of two routes that match',
      virtualHosts: [
        host('h', ['*'], [answering('first'), answering('second', { path: { kind: 'exact', value: '/x' } })]),
      ],
      request: request({ target: '/x' }),
      route: 'first',
    },
    { name: 'a virtual host without routes', virtualHosts: [host('h', ['*'], [])], request: request({}), route: null },
  ]
}

function hostCases(): RoutingCase[] {
  const hosts = [
    host('any', ['*'], [answering('any')]),
    host('wide', ['*.example.com'], [answering('wide')]),
    host('narrow', ['*.eu.example.com'], [answering('narrow')]),
    host('exact', ['echo.example.com', 'Other.Example.com'], [answering('exact')]),
    host('port', ['echo.example.com:8081'], [answering('port')]),
  ]
  const to = (name: string, route: string): RoutingCase => ({
    name: `host ${name}`,
    virtualHosts: hosts,
    request: request({ host: name }),
    route,
  })
  return [
    to('echo.example.com', 'exact'),
    to('ECHO.example.COM', 'exact'),
    to('other.example.com', 'exact'),
    to('echo.example.com:80', 'exact'),
    to('echo.example.com:8081', 'port'),
    to('a.example.com', 'wide'),
    to('a.example.com:9000', 'wide'),
    to('a.b.example.com', 'wide'),
    to('a.eu.example.com', 'narrow'),
    to('example.com', 'any'),
    to('.example.com', 'any'),
    to('127.0.0.1:8080', 'any'),
    to('[::1]:8080', 'any'),
    {
      name: 'a host that nobody claims',
      virtualHosts: [host('h', ['echo.example.com'], [answering('exact')])],
      request: request({ host: 'other.example.com' }),
      route: null,
    },
    {
      name: 'a route that the chosen host lacks is not looked for in another',
      virtualHosts: [
        host('h', ['echo.example.com'], [answering('x', { path: { kind: 'exact', value: '/x' } })]),
        host('any', ['*'], [answering('any')]),
      ],
      request: request({ host: 'echo.example.com', target: '/y' }),
      route: null,
    },
    {
      name: 'a domain that two hosts claim belongs to the first',
      virtualHosts: [host('a', ['x.com'], [answering('a')]), host('b', ['x.com'], [answering('b')])],
      request: request({ host: 'x.com' }),
      route: 'a',
    },
  ]
}

function single(name: string, sketch: RouteSketch, sent: Partial<CaseRequest>, taken: boolean): RoutingCase {
  return {
    name,
    virtualHosts: [host('h', ['*'], [answering('r', sketch)])],
    request: request(sent),
    route: taken ? 'r' : null,
  }
}

function host(name: string, domains: readonly string[], routes: readonly Route[]): VirtualHost {
  return { name, domains, routes }
}

function request(sent: Partial<CaseRequest>): CaseRequest {
  return { method: 'GET', host: 'localhost', target: '/', headers: [], ...sent }
}
