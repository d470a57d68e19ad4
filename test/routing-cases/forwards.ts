/** What the endpoint gets, and which endpoint it is: rewrites, header edits, splits, destinations without an endpoint. */
import type { PathMatch } from '../../src/routing/match-model.ts'
import type { PathRewrite, RoutePolicy } from '../../src/routing/policy-model.ts'
import { acting, forwarding, taken } from './sketch.ts'
import type { CaseRequest, Fields, Outcome, RoutingCase } from './sketch.ts'

type PathRow = readonly [kind: PathMatch['kind'], value: string, rewrite: PathRewrite, target: string, want: string]

const prefix = (value: string): PathRewrite => ({ kind: 'prefix', value })
const full = (value: string): PathRewrite => ({ kind: 'full', value })
const regex = (pattern: string, value: string): PathRewrite => ({ kind: 'regex', pattern, value })

const paths: readonly PathRow[] = [
  // A plain prefix is exchanged as a text, so slashes are the user's business.
  ['prefix', '/foo', prefix('/bar'), '/foo', '/bar'],
  ['prefix', '/foo', prefix('/bar'), '/foo/x', '/bar/x'],
  ['prefix', '/foo', prefix('/bar'), '/foobar', '/barbar'],
  ['prefix', '/foo', prefix('/'), '/foo', '/'],
  ['prefix', '/foo', prefix('/'), '/foo/bar', '//bar'],
  ['prefix', '/foo/', prefix('/'), '/foo/bar', '/bar'],
  ['prefix', '/foo/', prefix('/'), '/foo/', '/'],
  ['prefix', '/foo', prefix(''), '/foo/bar', '/bar'],
  ['prefix', '/foo', prefix(''), '/foo', '/'],
  ['prefix', '/', prefix('/api/'), '/x', '/api/x'],
  ['prefix', '/foo', prefix('/bar'), '/foo?x=/foo', '/bar?x=/foo'],
  ['prefix', '/foo', prefix('/bar'), '/foo?', '/bar?'],
  ['prefix', '/foo', prefix('/bar'), '/foo%2Fx//y/../z', '/bar%2Fx//y/../z'],
  // By elements, where no slash is lost or doubled.
  ['path-prefix', '/foo', prefix('/bar'), '/foo', '/bar'],
  ['path-prefix', '/foo', prefix('/bar'), '/foo/', '/bar/'],
  ['path-prefix', '/foo', prefix('/bar'), '/foo/x', '/bar/x'],
  ['path-prefix', '/foo', prefix('/bar/'), '/foo/x', '/bar/x'],
  ['path-prefix', '/foo/', prefix('/bar'), '/foo/x', '/bar/x'],
  ['path-prefix', '/foo', prefix('/'), '/foo', '/'],
  ['path-prefix', '/foo', prefix('/'), '/foo/', '/'],
  ['path-prefix', '/foo', prefix('/'), '/foo/x', '/x'],
  ['path-prefix', '/foo', prefix('/'), '/foo?a=b', '/?a=b'],
  ['path-prefix', '/foo', prefix('/bar/'), '/foo', '/bar/'],
  ['path-prefix', '/foo', prefix(''), '/foo', '/'],
  ['path-prefix', '/foo', prefix(''), '/foo/', '/'],
  ['path-prefix', '/foo', prefix(''), '/foo/x', '/x'],
  ['path-prefix', '/', prefix('/bar'), '/', '/bar/'],
  ['path-prefix', '/', prefix('/bar'), '/x', '/bar/x'],
  ['path-prefix', '/a/b', prefix('/'), '/a/b/c/d', '/c/d'],
  // Exact paths and regexes have matched all of it.
  ['exact', '/foo', prefix('/bar'), '/foo?x=1', '/bar?x=1'],
  ['regex', '/f.*', prefix('/bar'), '/foo/x', '/bar'],
  ['prefix', '/foo', full('/bar'), '/foo/x/y', '/bar'],
  ['path-prefix', '/foo', full('/bar'), '/foo/x?y=1', '/bar?y=1'],
  ['exact', '/foo', full('/a/b/'), '/foo', '/a/b/'],
  // Every match of a regex in the path is exchanged, and nothing in the query.
  ['prefix', '/', regex('^/v1/(.*)$', '/v2/\\1'), '/v1/x/y', '/v2/x/y'],
  ['prefix', '/', regex('^/user/([^/]+)', '/u/\\1'), '/user/joe/mail', '/u/joe/mail'],
  ['prefix', '/', regex('^/(\\w+)/(\\w+)', '/\\2/\\1'), '/a/b/c', '/b/a/c'],
  ['prefix', '/', regex('o', '0'), '/foo?o=o', '/f00?o=o'],
  ['prefix', '/', regex('/+', '/'), '//a///b', '/a/b'],
  ['prefix', '/', regex('one', '\\0\\0'), '/one', '/oneone'],
  ['prefix', '/', regex('(?i)FOO', 'bar'), '/Foo', '/bar'],
  ['prefix', '/', regex('^/none', '/x'), '/some', '/some'],
  ['prefix', '/', regex('^/', ''), '/x', '/x'],
]

function rewritten([kind, value, rewrite, target, want]: PathRow): RoutingCase {
  const shown =
    rewrite.kind === 'regex' ? `${rewrite.pattern} → ${rewrite.value}` : `${rewrite.kind} "${rewrite.value}"`
  return taken(
    `${target} under ${kind} "${value}" is rewritten by ${shown} to ${want}`,
    forwarding('r', { path: { kind, value } }, { policy: { rewrite: { path: rewrite } } }),
    { target },
    { kind: 'endpoint', cluster: 'v1', line: `GET ${want}` },
  )
}

const anyCase = (target: string, want: string): RoutingCase =>
  taken(
    `${target} under a prefix in any case is rewritten to ${want}`,
    forwarding(
      'r',
      { path: { kind: 'path-prefix', value: '/foo', caseSensitive: false } },
      { policy: { rewrite: { path: prefix('/bar') } } },
    ),
    { target },
    { kind: 'endpoint', cluster: 'v1', line: `GET ${want}` },
  )

/** A request that gets through, and what of it the endpoint and the client see. */
// oxlint-disable-next-line max-params -- name, what is asked, what is done, what is seen: a row
function through(
  name: string,
  sent: Partial<CaseRequest>,
  policy: Partial<RoutePolicy>,
  seen: { readonly line?: string; readonly fields?: Fields; readonly responseFields?: Fields },
): RoutingCase {
  return taken(name, forwarding('r', {}, { policy }), sent, { kind: 'endpoint', cluster: 'v1', ...seen })
}

const inner = { rewrite: { authority: 'inner.example.com' } }

const heads: readonly RoutingCase[] = [
  through(
    'a request goes on as it is',
    { method: 'DELETE', target: '/a/../b//c?d=%20&e' },
    {},
    { line: 'DELETE /a/../b//c?d=%20&e' },
  ),
  through('an empty query goes on', { target: '/a?' }, {}, { line: 'GET /a?' }),
  through('a second question mark goes on', { target: '/a?b?c' }, {}, { line: 'GET /a?b?c' }),
  through(
    'the host goes on as it was sent',
    { host: 'Echo.Example.com:8080' },
    {},
    { fields: { host: 'Echo.Example.com:8080' } },
  ),
  through('the authority is rewritten, and the old one told', { host: 'echo:81' }, inner, {
    fields: { host: 'inner.example.com', 'x-forwarded-host': 'echo:81' },
  }),
  through('an authority rewritten to itself changes nothing', { host: 'inner.example.com' }, inner, {
    fields: { host: 'inner.example.com', 'x-forwarded-host': null },
  }),
  through(
    'the authority of an absolute target is rewritten',
    { host: 'x', target: 'http://a/y', seen: { host: 'a', path: '/y' } },
    inner,
    {
      line: 'GET /y',
      fields: { host: 'inner.example.com', 'x-forwarded-host': 'a' },
    },
  ),
  through(
    'path and authority are rewritten together',
    { target: '/x?q' },
    { rewrite: { authority: 'inner', path: full('/new') } },
    {
      line: 'GET /new?q',
      fields: { host: 'inner' },
    },
  ),
  through(
    'fields are removed whatever their case',
    {
      headers: [
        ['X-Debug', '1'],
        ['x-debug', '2'],
      ],
    },
    { requestHeaders: { remove: ['x-debug'], set: [], add: [] } },
    {
      fields: { 'x-debug': null },
    },
  ),
  through(
    'a field is set in place of all of its name',
    {
      headers: [
        ['X-Env', 'a'],
        ['x-env', 'b'],
      ],
    },
    { requestHeaders: { remove: [], set: [{ name: 'x-env', value: 'prod' }], add: [] } },
    {
      fields: { 'x-env': 'prod' },
    },
  ),
  through(
    'a field is added to those of its name',
    { headers: [['X-Env', 'a']] },
    { requestHeaders: { remove: [], set: [], add: [{ name: 'x-env', value: 'b' }] } },
    {
      fields: { 'x-env': 'a, b' },
    },
  ),
  through(
    'removed, then set, then added',
    { headers: [['x-a', '0']] },
    { requestHeaders: { remove: ['x-a'], set: [{ name: 'x-a', value: '1' }], add: [{ name: 'x-a', value: '2' }] } },
    {
      fields: { 'x-a': '1, 2' },
    },
  ),
  through(
    'fields of the response are changed',
    {},
    { responseHeaders: { remove: ['x-cluster'], set: [{ name: 'x-a', value: '1' }], add: [] } },
    {
      responseFields: { 'x-cluster': null, 'x-a': '1' },
    },
  ),
  through(
    'what connection names ends here',
    {
      headers: [
        ['Connection', 'x-hop'],
        ['X-Hop', '1'],
        ['X-Kept', '2'],
      ],
    },
    {},
    {
      fields: { 'x-hop': null, 'x-kept': '2' },
    },
  ),
]

const noEndpoint: Outcome = { kind: 'answer', status: 503, body: 'no healthy endpoint (UH)\n' }
const invalid = (status: 500 | 503, weight: number) => ({
  kind: 'invalid' as const,
  status,
  reason: 'no such service',
  weight,
})
const to = (name: string, weights: Parameters<typeof forwarding>[2], outcome: Outcome): RoutingCase =>
  taken(name, forwarding('r', {}, weights), {}, outcome)

const destinations: readonly RoutingCase[] = [
  to('one destination gets everything', { to: { v1: 100 } }, { kind: 'endpoint', cluster: 'v1' }),
  to('one destination gets everything, whatever its weight', { to: { v2: 1 } }, { kind: 'endpoint', cluster: 'v2' }),
  to('weight 0 before 5 gets nothing', { to: { v1: 0, v2: 5 } }, { kind: 'endpoint', cluster: 'v2' }),
  to('weight 0 behind 5 gets nothing', { to: { v1: 5, v2: 0 } }, { kind: 'endpoint', cluster: 'v1' }),
  to('weight 0 without an endpoint does no harm', { to: { v2: 1, empty: 0 } }, { kind: 'endpoint', cluster: 'v2' }),
  to('weights of a million', { to: { v1: 0, v2: 1_000_000 } }, { kind: 'endpoint', cluster: 'v2' }),
  to('no endpoint', { to: { empty: 1 } }, noEndpoint),
  to('no endpoint, but a fallback', { to: { 'falls-back': 1 } }, { kind: 'endpoint', cluster: 'v1' }),
  to(
    'no endpoint, but a fallback of a fallback',
    { to: { 'falls-back-twice': 1 } },
    { kind: 'endpoint', cluster: 'v1' },
  ),
  to('fallbacks in a circle', { to: { 'falls-in-a-circle': 1 } }, noEndpoint),
  to(
    'an invalid destination answers 500',
    { to: [invalid(500, 1)] },
    { kind: 'answer', status: 500, body: 'no such service\n' },
  ),
  to(
    'an invalid destination answers 503',
    { to: [invalid(503, 1)] },
    { kind: 'answer', status: 503, body: 'no such service\n' },
  ),
  to(
    'an invalid destination of weight 0 does no harm',
    { to: [invalid(500, 0), { kind: 'cluster', cluster: 'v2', weight: 1 }] },
    { kind: 'endpoint', cluster: 'v2' },
  ),
  to(
    'an invalid destination takes what a destination of weight 0 does not',
    { to: [{ kind: 'cluster', cluster: 'v1', weight: 0 }, invalid(503, 3)] },
    { kind: 'answer', status: 503, body: 'no such service\n' },
  ),
  to(
    'the response of an invalid destination is changed too',
    { to: [invalid(500, 1)], policy: { responseHeaders: { remove: [], set: [{ name: 'x-a', value: '1' }], add: [] } } },
    { kind: 'answer', status: 500, fields: { 'x-a': '1' } },
  ),
]

const aborting = (share: number): Partial<RoutePolicy> => ({ fault: { abort: { share, status: 418 } } })

const faults: readonly RoutingCase[] = [
  to('a fault for everybody', { policy: aborting(1) }, { kind: 'answer', status: 418 }),
  to('a fault for nobody', { policy: aborting(0) }, { kind: 'endpoint', cluster: 'v1' }),
  taken(
    'a fault on a route that answers by itself',
    acting('r', {}, { kind: 'respond', status: 200, body: 'well', headers: [] }, aborting(1)),
    {},
    { kind: 'answer', status: 418 },
  ),
]

export const forwardCases: readonly RoutingCase[] = [
  ...paths.map(rewritten),
  anyCase('/FOO', '/bar'),
  anyCase('/Foo/X?Y', '/bar/X?Y'),
  ...heads,
  ...destinations,
  ...faults,
]
