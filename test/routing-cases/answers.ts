/** What is answered without an endpoint: redirects, direct responses, preflights. */
import type { PathMatch } from '../../src/routing/match-model.ts'
import type { CorsPolicy } from '../../src/routing/policy-model.ts'
import type { Action } from '../../src/routing/route-model.ts'
import { acting, answering, forwarding, host, request, taken } from './sketch.ts'
import type { CaseRequest, Fields, RoutingCase } from './sketch.ts'

type Redirect = Omit<Extract<Action, { kind: 'redirect' }>, 'kind'>

interface RedirectRow {
  readonly match?: Partial<PathMatch>
  readonly redirect?: Partial<Redirect>
  readonly sent?: Partial<CaseRequest>
  readonly location: string
}

const HOST = { host: 'echo.example.com' }
const at = (target: string, change: Partial<CaseRequest> = {}): Partial<CaseRequest> => ({ ...HOST, target, ...change })
const whole = (value: string) => ({ path: { kind: 'full' as const, value } })
const prefix = (value: string) => ({ path: { kind: 'prefix' as const, value } })

const redirects: readonly RedirectRow[] = [
  // What the route leaves open stays.
  { sent: at('/x/y?z=1'), location: 'http://echo.example.com/x/y?z=1' },
  { sent: at('/x', { host: 'echo:8080' }), location: 'http://echo:8080/x' },
  { sent: at('/x', { host: 'echo:80' }), location: 'http://echo/x' },
  { sent: at('/x', { host: 'Echo.Example.com' }), location: 'http://Echo.Example.com/x' },
  { sent: at('/x', { host: '[::1]' }), location: 'http://[::1]/x' },
  { sent: at('/x', { host: '[::1]:8080' }), location: 'http://[::1]:8080/x' },
  { sent: at('/a%2Fb/../c//d?e=%20'), location: 'http://echo.example.com/a%2Fb/../c//d?e=%20' },
  { sent: at('/x?'), location: 'http://echo.example.com/x' },
  { sent: at('/x?a?b'), location: 'http://echo.example.com/x?a?b' },
  {
    sent: at('http://a:81/x?y', { seen: { host: 'a:81', path: '/x', query: 'y' } }),
    location: 'http://a:81/x?y',
  },
  // Where no host is named, none is made up.
  { sent: { host: '', target: '/x?y' }, location: '/x?y' },
  { sent: { host: '', target: '//evil.test/x' }, location: '/.//evil.test/x' },
  { redirect: { scheme: 'https' }, sent: { host: '', target: '/x' }, location: '/x' },
  { redirect: { host: 'new' }, sent: { host: '', target: '/x' }, location: 'http://new/x' },
  // Another scheme has a port of its own.
  { redirect: { scheme: 'https' }, sent: at('/x?y'), location: 'https://echo.example.com/x?y' },
  { redirect: { scheme: 'https' }, sent: at('/', { host: 'echo:8080' }), location: 'https://echo/' },
  { redirect: { scheme: 'https', port: 8443 }, sent: at('/'), location: 'https://echo.example.com:8443/' },
  { redirect: { scheme: 'https', port: 443 }, sent: at('/'), location: 'https://echo.example.com/' },
  { redirect: { scheme: 'http', port: 443 }, sent: at('/'), location: 'http://echo.example.com:443/' },
  { redirect: { scheme: 'https', port: 80 }, sent: at('/'), location: 'https://echo.example.com:80/' },
  { redirect: { scheme: 'https' }, sent: at('/', { host: '[::1]:80' }), location: 'https://[::1]/' },
  { redirect: { port: 8081 }, sent: at('/x'), location: 'http://echo.example.com:8081/x' },
  { redirect: { port: 8081 }, sent: at('/x', { host: 'echo:9000' }), location: 'http://echo:8081/x' },
  { redirect: { port: 80 }, sent: at('/x', { host: 'echo:9000' }), location: 'http://echo/x' },
  // So has another host.
  { redirect: { host: 'new.example.com' }, sent: at('/x?y'), location: 'http://new.example.com/x?y' },
  { redirect: { host: 'new' }, sent: at('/', { host: 'echo:8080' }), location: 'http://new/' },
  { redirect: { host: 'new', port: 8081 }, sent: at('/', { host: 'echo:8080' }), location: 'http://new:8081/' },
  { redirect: { host: 'new', scheme: 'https' }, sent: at('/x'), location: 'https://new/x' },
  // Paths.
  { redirect: whole('/new'), sent: at('/x/y?z=1'), location: 'http://echo.example.com/new?z=1' },
  { redirect: whole('/'), sent: at('/x/y'), location: 'http://echo.example.com/' },
  { redirect: { ...whole('/new'), stripQuery: true }, sent: at('/x?z=1'), location: 'http://echo.example.com/new' },
  { redirect: whole('/new?a=b'), sent: at('/x?z=1'), location: 'http://echo.example.com/new?a=b' },
  { redirect: whole('/#/new'), sent: at('/x?z=1'), location: 'http://echo.example.com/?z=1#/new' },
  { redirect: { host: 'new:8443' }, sent: at('/x'), location: 'http://new:8443/x' },
  { redirect: { stripQuery: true }, sent: at('/x?z=1'), location: 'http://echo.example.com/x' },
  {
    match: { value: '/old' },
    redirect: prefix('/new'),
    sent: at('/old/x?y'),
    location: 'http://echo.example.com/new/x?y',
  },
  { match: { value: '/old' }, redirect: prefix('/new'), sent: at('/older'), location: 'http://echo.example.com/newer' },
  {
    match: { kind: 'path-prefix', value: '/old' },
    redirect: prefix('/new'),
    sent: at('/old'),
    location: 'http://echo.example.com/new',
  },
  {
    match: { kind: 'path-prefix', value: '/old' },
    redirect: prefix('/'),
    sent: at('/old/x'),
    location: 'http://echo.example.com/x',
  },
  {
    match: { kind: 'path-prefix', value: '/old' },
    redirect: prefix('/'),
    sent: at('/old?a=b'),
    location: 'http://echo.example.com/?a=b',
  },
  {
    match: { kind: 'path-prefix', value: '/old', caseSensitive: false },
    redirect: prefix('/new'),
    sent: at('/OLD/X'),
    location: 'http://echo.example.com/new/X',
  },
  {
    match: { kind: 'exact', value: '/old' },
    redirect: prefix('/new'),
    sent: at('/old'),
    location: 'http://echo.example.com/new',
  },
  {
    match: { kind: 'regex', value: '/o.*' },
    redirect: prefix('/new'),
    sent: at('/old/x'),
    location: 'http://echo.example.com/new',
  },
]

function redirected({ match = {}, redirect = {}, sent = {}, location }: RedirectRow): RoutingCase {
  const action = { kind: 'redirect' as const, status: 301 as const, stripQuery: false, ...redirect }
  const name = `redirect by ${JSON.stringify({ ...match, ...redirect })} of ${sent.host ?? ''} ${sent.target ?? ''}`
  const outcome = { kind: 'answer' as const, status: 301, fields: { location, 'content-length': '0' }, body: '' }
  return taken(name, acting('r', { path: match }, action), sent, outcome)
}

const statuses = ([301, 302, 303, 307, 308] as const).map((status) =>
  taken(
    `redirect with ${status}`,
    acting('r', {}, { kind: 'redirect', status, stripQuery: false, host: 'new' }),
    { method: 'POST', target: '/x' },
    { kind: 'answer', status, fields: { location: 'http://new/x' }, body: '' },
  ),
)

const responses: readonly RoutingCase[] = [
  taken(
    'a response with its fields',
    acting('r', {}, { kind: 'respond', status: 418, body: 'a teapot', headers: [{ name: 'x-tea', value: 'green' }] }),
    {},
    { kind: 'answer', status: 418, fields: { 'x-tea': 'green', 'content-length': '8' }, body: 'a teapot' },
  ),
  taken(
    'a response without a body',
    acting('r', {}, { kind: 'respond', status: 200, body: '', headers: [] }),
    {},
    { kind: 'answer', status: 200, fields: { 'content-length': '0' }, body: '' },
  ),
  taken(
    'a response that can have no body',
    acting('r', {}, { kind: 'respond', status: 204, body: 'none', headers: [] }),
    {},
    { kind: 'answer', status: 204, fields: { 'content-length': null }, body: '' },
  ),
  taken(
    'a response in UTF-8',
    acting('r', {}, { kind: 'respond', status: 200, body: 'né 漢', headers: [] }),
    {},
    { kind: 'answer', status: 200, fields: { 'content-length': '7' }, body: 'né 漢' },
  ),
  taken(
    'HEAD gets the fields of the response, and their length',
    acting('r', {}, { kind: 'respond', status: 200, body: 'body', headers: [] }),
    { method: 'HEAD' },
    { kind: 'answer', status: 200, fields: { 'content-length': '4' }, body: '' },
  ),
  taken(
    'a response whose fields the route changes',
    acting(
      'r',
      {},
      { kind: 'respond', status: 200, body: '', headers: [{ name: 'x-a', value: '0' }] },
      {
        responseHeaders: { remove: [], set: [{ name: 'x-a', value: '1' }], add: [{ name: 'x-b', value: '2' }] },
      },
    ),
    {},
    { kind: 'answer', status: 200, fields: { 'x-a': '1', 'x-b': '2' } },
  ),
  {
    name: 'no route says so',
    virtualHosts: [host('h', ['*'], [answering('r', { path: { kind: 'exact', value: '/x' } })])],
    request: request({}),
    route: null,
    outcome: { kind: 'answer', status: 404, body: 'no route matches (NR)\n' },
  },
  {
    name: 'no virtual host says so',
    virtualHosts: [host('h', ['x'], [answering('r')])],
    request: request({}),
    route: null,
    outcome: { kind: 'answer', status: 404, body: 'no virtual host for this host (NR)\n' },
  },
]

const shop: CorsPolicy = {
  allowOrigins: [
    { kind: 'exact', value: 'https://shop.example.com' },
    { kind: 'regex', value: 'https://[a-z]+\\.test' },
    { kind: 'suffix', value: '.partner.org' },
  ],
  allowMethods: ['GET', 'PUT'],
  allowHeaders: ['x-token'],
  exposeHeaders: ['x-count'],
  allowCredentials: true,
  maxAgeSeconds: 600,
}
const everybody: CorsPolicy = {
  allowOrigins: [{ kind: 'present' }],
  allowMethods: [],
  allowHeaders: [],
  exposeHeaders: [],
  allowCredentials: false,
}

const asking = (origin: string, method = 'PUT'): Partial<CaseRequest> => ({
  method: 'OPTIONS',
  target: '/cart',
  headers: [
    ['Origin', origin],
    ['Access-Control-Request-Method', method],
  ],
})
const ALLOWED = {
  'access-control-allow-origin': 'https://shop.example.com',
  'access-control-allow-credentials': 'true',
}
const NOT_ALLOWED = { 'access-control-allow-origin': null, 'access-control-allow-credentials': null, vary: 'Origin' }

const corsCase = (name: string, sent: Partial<CaseRequest>, fields: Fields, cors = shop): RoutingCase =>
  taken(`cors: ${name}`, forwarding('r', {}, { policy: { cors } }), sent, {
    kind: 'answer',
    status: 200,
    fields,
    body: '',
  })

const corsThrough = (name: string, sent: Partial<CaseRequest>, responseFields: Fields, cors = shop): RoutingCase =>
  taken(`cors: ${name}`, forwarding('r', {}, { policy: { cors } }), sent, {
    kind: 'endpoint',
    cluster: 'v1',
    responseFields,
  })

const preflights: readonly RoutingCase[] = [
  corsCase('a preflight of an allowed origin is answered', asking('https://shop.example.com'), {
    ...ALLOWED,
    'access-control-allow-methods': 'GET, PUT',
    'access-control-allow-headers': 'x-token',
    'access-control-max-age': '600',
    vary: 'Origin',
    'x-cluster': null,
  }),
  corsCase(
    'a preflight for another method is answered too: the browser decides',
    asking('https://shop.example.com', 'DELETE'),
    {
      ...ALLOWED,
      'access-control-allow-methods': 'GET, PUT',
    },
  ),
  corsCase('an origin by regex', asking('https://abc.test'), { 'access-control-allow-origin': 'https://abc.test' }),
  corsCase('an origin by suffix', asking('https://a.partner.org'), {
    'access-control-allow-origin': 'https://a.partner.org',
  }),
  corsCase(
    'every origin',
    asking('https://any.where'),
    {
      'access-control-allow-origin': 'https://any.where',
      'access-control-allow-methods': null,
      'access-control-max-age': null,
    },
    everybody,
  ),
  corsCase('an origin without a name', asking('null'), { 'access-control-allow-origin': 'null' }, everybody),
  corsThrough('a preflight of another origin goes on', asking('https://evil.example.com'), NOT_ALLOWED),
  corsThrough('an origin with a port is another one', asking('https://shop.example.com:8443'), NOT_ALLOWED),
  corsThrough('an origin over another scheme is another one', asking('http://shop.example.com'), NOT_ALLOWED),
  corsThrough('a regex must match all of an origin', asking('https://abc.test.evil'), NOT_ALLOWED),
  corsThrough('OPTIONS without an origin is a request like any', { method: 'OPTIONS', target: '/' }, NOT_ALLOWED),
  corsThrough(
    'OPTIONS that asks for no method is a request like any',
    { method: 'OPTIONS', target: '/', headers: [['Origin', 'https://shop.example.com']] },
    ALLOWED,
  ),
  corsThrough(
    'GET of an allowed origin goes on, and is told so',
    { headers: [['Origin', 'https://shop.example.com']] },
    {
      ...ALLOWED,
      'access-control-expose-headers': 'x-count',
      'access-control-allow-methods': null,
      vary: 'Origin',
    },
  ),
  corsThrough('GET of another origin goes on', { headers: [['Origin', 'https://evil.example.com']] }, NOT_ALLOWED),
  corsThrough('GET without an origin goes on', {}, NOT_ALLOWED),
  {
    name: 'cors: a preflight goes by the route for OPTIONS',
    virtualHosts: [
      host(
        'h',
        ['*'],
        [
          forwarding('get', { methods: ['GET', 'PUT'] }, { policy: { cors: shop } }),
          forwarding('rest', {}, { to: { v2: 1 } }),
        ],
      ),
    ],
    request: request(asking('https://shop.example.com')),
    route: 'rest',
    outcome: { kind: 'endpoint', cluster: 'v2', responseFields: { 'access-control-allow-origin': null } },
  },
]

export const answerCases: readonly RoutingCase[] = [
  ...redirects.map(redirected),
  ...statuses,
  ...responses,
  ...preflights,
]
