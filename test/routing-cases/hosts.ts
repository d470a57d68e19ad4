/** Which virtual host a request falls under, and in which order its routes are asked. */
import { among, answering, answerOf, host, request } from './sketch.ts'
import type { RoutingCase } from './sketch.ts'

const hosts = [
  host('any', ['*'], [answering('any')]),
  host('wide', ['*.example.com'], [answering('wide')]),
  host('narrow', ['*.eu.example.com'], [answering('narrow')]),
  host('exact', ['echo.example.com', 'Other.Example.com'], [answering('exact')]),
  host('port', ['echo.example.com:8081'], [answering('port')]),
  host('wide-port', ['*.example.com:9443'], [answering('wide-port')]),
  host('any-port', ['*:7000'], [answering('any-port')]),
  host('address', ['10.0.0.1', '[fd00::1]'], [answering('address')]),
  host('address-port', ['[fd00::1]:8443'], [answering('address-port')]),
  host('bare', ['svc'], [answering('bare')]),
]

const byHost: readonly (readonly [host: string, route: string])[] = [
  ['echo.example.com', 'exact'],
  ['ECHO.example.COM', 'exact'],
  ['other.example.com', 'exact'],
  ['echo.example.com:80', 'exact'],
  ['echo.example.com:8080', 'exact'],
  ['echo.example.com:', 'exact'],
  ['echo.example.com:8081', 'port'],
  ['Echo.Example.Com:8081', 'port'],
  ['echo.example.com:80811', 'exact'],
  ['echo.example.com:9443', 'exact'],
  ['echo.example.com:7000', 'exact'],
  ['a.example.com', 'wide'],
  ['A.EXAMPLE.COM', 'wide'],
  ['a.example.com:9000', 'wide'],
  ['a.b.example.com', 'wide'],
  ['a-b_c.example.com', 'wide'],
  ['eu.example.com', 'wide'],
  ['a.example.com:9443', 'wide-port'],
  ['a.b.example.com:9443', 'wide-port'],
  ['a.eu.example.com', 'narrow'],
  ['a.b.eu.example.com', 'narrow'],
  ['a.eu.example.com:80', 'narrow'],
  ['example.com', 'any'],
  ['.example.com', 'any'],
  ['xexample.com', 'any'],
  ['a.example.com.evil.org', 'any'],
  ['example.com:9443', 'any'],
  ['localhost:7000', 'any-port'],
  ['[::1]:7000', 'any-port'],
  ['svc:7000', 'bare'],
  ['a.example.com:7000', 'wide'],
  ['localhost:70001', 'any'],
  ['127.0.0.1:8080', 'any'],
  ['10.0.0.1', 'address'],
  ['10.0.0.1:8080', 'address'],
  ['10.0.0.11', 'any'],
  ['[fd00::1]', 'address'],
  ['[FD00::1]', 'address'],
  ['[fd00::1]:80', 'address'],
  ['[fd00::1]:8443', 'address-port'],
  ['[fd00:0::1]', 'any'],
  ['[::1]', 'any'],
  ['[::1]:8080', 'any'],
  ['svc', 'bare'],
  ['svc.default', 'any'],
  ['', 'any'],
  [`${'a'.repeat(2_000)}.example.com`, 'wide'],
  // A name with the root's dot is another text, as in Envoy unless it is told otherwise.
  ['echo.example.com.', 'any'],
  ['a.example.com.:80', 'any'],
]

const stage = answering('canary', {
  headers: [{ name: 'stage', value: { kind: 'exact', value: 'canary' }, invert: false }],
})
const story = [host('story', ['*'], [stage, answering('stable')])]

const exact = (id: string, value: string) => answering(id, { path: { kind: 'exact', value } })
const prefix = (id: string, value: string) => answering(id, { path: { value } })
const element = (id: string, value: string) => answering(id, { path: { kind: 'path-prefix', value } })

/** First match wins: nothing is sorted here. */
const ordered = [
  host(
    'h',
    ['*'],
    [
      exact('exact', '/api/v1'),
      answering('writes', { methods: ['PUT', 'POST'], path: { kind: 'path-prefix', value: '/api' } }),
      prefix('short', '/api/v'),
      element('long', '/api/v1/users'),
      answering('regex', { path: { kind: 'regex', value: '/[a-z]+/x' } }),
      answering('debug', { query: [{ name: 'debug', value: { kind: 'present' } }] }),
      element('api', '/api'),
      answering('rest', { methods: ['GET'] }),
    ],
  ),
]

const byOrder: readonly (readonly [method: string, target: string, route: string | null])[] = [
  ['GET', '/api/v1', 'exact'],
  ['PUT', '/api/v1', 'exact'],
  ['PUT', '/api/v1/users', 'writes'],
  ['GET', '/api/v1/users', 'short'],
  ['GET', '/api/v2', 'short'],
  ['GET', '/api/x', 'regex'],
  ['POST', '/api/x', 'writes'],
  ['POST', '/web/x', 'regex'],
  ['GET', '/api/y?debug', 'debug'],
  ['GET', '/api/y', 'api'],
  ['GET', '/api', 'api'],
  ['GET', '/apis', 'rest'],
  ['GET', '/', 'rest'],
  ['DELETE', '/', null],
  ['DELETE', '/?debug', 'debug'],
]

export const hostCases: readonly RoutingCase[] = [
  ...byHost.map(([name, route]) =>
    among(`host "${name.slice(0, 40)}" falls under ${route}`, hosts, { host: name }, route),
  ),
  among('a host that nobody claims', [host('h', ['echo.example.com'], [answering('exact')])], { host: 'x.org' }, null),
  among(
    'a wildcard alone does not take the name itself',
    [host('h', ['*.x.com'], [answering('w')])],
    { host: 'x.com' },
    null,
  ),
  among('no virtual host at all', [], {}, null),
  among(
    'a route that the chosen host lacks is not looked for in another',
    [host('h', ['echo.example.com'], [exact('x', '/x')]), host('any', ['*'], [answering('any')])],
    { host: 'echo.example.com', target: '/y' },
    null,
  ),
  among(
    'nor in a wider wildcard',
    [host('h', ['*.eu.x.com'], [exact('x', '/x')]), host('wide', ['*.x.com'], [answering('wide')])],
    { host: 'a.eu.x.com', target: '/y' },
    null,
  ),
  among(
    'a domain that two hosts claim belongs to the first',
    [host('a', ['x.com'], [answering('a')]), host('b', ['x.com'], [answering('b')])],
    { host: 'x.com' },
    'a',
  ),
  among(
    'also where they spell it differently',
    [host('a', ['X.com'], [answering('a')]), host('b', ['x.COM'], [answering('b')])],
    { host: 'x.com' },
    'a',
  ),
  among(
    'a wildcard that two hosts claim belongs to the first',
    [host('a', ['*.x.com'], [answering('a')]), host('b', ['*.x.com'], [answering('b')])],
    { host: 'y.x.com' },
    'a',
  ),
  among(
    'every host, claimed twice, belongs to the first',
    [host('a', ['*'], [answering('a')]), host('b', ['*'], [answering('b')])],
    {},
    'a',
  ),
  among(
    'a host with several domains takes them all',
    [host('a', ['x.com', '*.y.com', 'z.com:81'], [answering('a')])],
    { host: 'z.com:81' },
    'a',
  ),
  among(
    'a domain with a port leaves other ports',
    [host('a', ['z.com:81'], [answering('a')])],
    { host: 'z.com:82' },
    null,
  ),
  among(
    'a domain with a port leaves a host without one',
    [host('a', ['z.com:81'], [answering('a')])],
    { host: 'z.com' },
    null,
  ),
]

export const orderCases: readonly RoutingCase[] = [
  ...byOrder.map(([method, target, route]) =>
    among(`order: ${method} ${target} is for ${route ?? 'nobody'}`, ordered, { method, target }, route),
  ),
  {
    name: 'the story: with the header',
    virtualHosts: story,
    request: request({ headers: [['stage', 'canary']] }),
    route: 'canary',
    outcome: answerOf('canary'),
  },
  among('the story: without the header', story, {}, 'stable'),
  among('the story: with another value', story, { headers: [['stage', 'prod']] }, 'stable'),
  among(
    'the first of two routes that match',
    [host('h', ['*'], [answering('first'), exact('second', '/x')])],
    { target: '/x' },
    'first',
  ),
  among('a virtual host without routes', [host('h', ['*'], [])], {}, null),
  among(
    'the last of a thousand routes',
    [
      host(
        'h',
        ['*'],
        Array.from({ length: 1_000 }, (_, index) => exact(`r${index}`, `/${index}`)),
      ),
    ],
    { target: '/999' },
    'r999',
  ),
]
