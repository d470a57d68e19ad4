import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { answering } from '../../test/routing-cases.ts'
import { NO_VIRTUAL_HOST, decide, findHost, prepareRouteTable } from './decide.ts'
import { explain, explainRoute } from './explain.ts'
import type { Explanation, Question } from './explanation.ts'
import { readRoutingFile } from './file.ts'
import type { RequestView } from './match.ts'
import type { HeaderMatch, PathMatch, QueryMatch, ValueMatch } from './match-model.ts'
import type { RoutingSnapshot } from './model.ts'
import type { Route, VirtualHost } from './route-model.ts'

function snapshotOf(file: unknown): RoutingSnapshot {
  const { snapshot, findings } = readRoutingFile(JSON.stringify(file))
  assert.ok(snapshot !== undefined, JSON.stringify(findings))
  return snapshot
}

function explained(snapshot: RoutingSnapshot, question: Partial<Question>): Explanation {
  const answer = explain(snapshot, { method: 'GET', url: 'a.test/', headers: [], ...question })
  assert.ok(answer.kind === 'explained', JSON.stringify(answer))
  return answer.explanation
}

function refused(snapshot: RoutingSnapshot, question: Partial<Question>): string {
  const answer = explain(snapshot, { method: 'GET', url: 'a.test/', headers: [], ...question })
  assert.ok(answer.kind === 'refused', 'it was explained')
  return answer.message
}

const responding = { action: { kind: 'respond', status: 200 } }

function listening(listeners: readonly unknown[], routes: readonly unknown[] = [responding]): RoutingSnapshot {
  return snapshotOf({ listeners, routeTables: [{ virtualHosts: [{ domains: ['*'], routes }] }], clusters: [] })
}

const two = listening([
  { id: 'a', port: 8080 },
  { id: 'b', port: 8081 },
])

test('for a host that no virtual host has it is told whether its requests are let out, refused or not found', () => {
  const answerWith = (unknownHost: string): unknown =>
    explained(
      snapshotOf({
        listeners: [{ id: 'a', port: 8080 }],
        routeTables: [{ unknownHost, virtualHosts: [{ domains: ['b.test'], routes: [responding] }] }],
      }),
      {},
    ).answer
  const why = 'no virtual host has a domain for "a.test"; the nearest is b.test'
  assert.deepEqual(answerWith('passthrough'), { kind: 'passthrough', to: 'a.test', why })
  assert.deepEqual(answerWith('refuse'), { kind: 'none', status: 502, flag: 'NR', why })
  assert.deepEqual(answerWith('not-found'), { kind: 'none', status: 404, flag: 'NR', why })
})

describe('the listener', () => {
  test('is the one that is asked for, else the one on the URL’s port, else the only one', () => {
    assert.equal(explained(two, { listener: 'b' }).listener.id, 'b')
    assert.equal(explained(two, { url: 'http://a.test:8081/' }).listener.id, 'b')
    assert.equal(explained(listening([{ id: 'a', port: 8080 }]), { url: 'https://a.test/' }).listener.id, 'a')
  })

  test('that is unclear or unknown is told with those there are', () => {
    assert.match(refused(two, {}), /several listeners may be meant; add --listener with one of a, b$/)
    assert.match(refused(two, { listener: 'c' }), /there is no listener "c"; there are: a, b$/)
    assert.match(refused(listening([]), {}), /nothing listens for HTTP requests/)
  })

  test('at the edge takes away what clients may not say; inside only the debug header', () => {
    const headers = ['l5d-x', 'forwarded', 'X-Forwarded-For', 'x-sluice-debug', 'stage'].map((name) => ({
      name,
      value: 'x',
    }))
    const seen = (http: unknown): readonly string[] =>
      explained(listening([{ id: 'a', port: 8080, http }]), { headers }).request.headers.map(({ name }) => name)
    assert.deepEqual(seen({}), ['stage'])
    assert.deepEqual(seen({ trustedHops: 1 }), ['x-forwarded-for', 'stage'])
    assert.deepEqual(seen({ edge: false }), ['l5d-x', 'forwarded', 'x-forwarded-for', 'stage'])
  })

  test('is where a proxy says it listens', () => {
    const observed = {
      proxies: { expected: 1, live: 1 },
      listeners: [{ id: 'a', address: '127.0.0.1', port: 4711, error: 'EADDRINUSE' }],
      clusters: [],
      draining: [],
    }
    const question = { method: 'GET', url: 'http://a.test:4711/', headers: [] }
    const answer = explain(two, question, observed)
    assert.ok(answer.kind === 'explained')
    assert.deepEqual([answer.explanation.listener.port, answer.explanation.listener.error], [4711, 'EADDRINUSE'])
  })
})

describe('a question', () => {
  const one = listening([{ id: 'a', port: 8080 }])

  test('may have its host in the URL or in a header, which goes before', () => {
    const host = (url: string, named?: string): string =>
      explained(one, { url, headers: named === undefined ? [] : [{ name: 'HOST', value: named }] }).request.host
    assert.equal(host('http://a.test:90/x'), 'a.test:90')
    assert.equal(host('a.test'), 'a.test')
    assert.equal(host('[::1]:80/x'), '[::1]:80')
    assert.equal(host('/x', 'b.test'), 'b.test')
    assert.equal(host('http://127.0.0.1:8080/x', 'b.test'), 'b.test')
  })

  test('keeps its path and query as they are written', () => {
    const { path, query } = explained(one, { url: 'http://a.test/a/../b%2f?c=d?e#f' }).request
    assert.deepEqual([path, query], ['/a/../b%2f', 'c=d?e'])
    assert.equal(explained(one, { url: 'http://a.test?x' }).request.path, '/')
  })

  test('that nobody can send is refused with the cure', () => {
    assert.match(refused(one, { url: '' }), /the URL is empty/)
    assert.match(refused(one, { url: '/x' }), /names no host; write it in the URL, or add -H 'Host: example.com'$/)
    assert.match(refused(one, { url: 'ftp://a.test/' }), /the scheme is "ftp"/)
    assert.match(refused(one, { url: 'http:///x' }), /no host between/)
    assert.match(refused(one, { url: 'me:pw@a.test/' }), /user name/)
    assert.match(refused(one, { url: 'a.test/ä' }), /percent-encoded/)
    assert.match(refused(one, { url: 'a b/' }), /is no host/)
    assert.match(refused(one, { method: 'G T' }), /"G T" is no method/)
    assert.match(refused(one, { headers: [{ name: 'a b', value: '' }] }), /is no header name/)
    assert.match(refused(one, { headers: [{ name: 'a', value: 'b\r\nc: d' }] }), /no header can carry/)
    assert.match(refused(one, { clientAddress: 'here' }), /no IP address/)
  })
})

describe('a condition that fails', () => {
  const failure = (match: unknown, question: Partial<Question> = {}): string | undefined =>
    explained(listening([{ id: 'a', port: 1 }], [{ match, ...responding }]), question).routes[0]?.failed?.text
  const header = (value: unknown, invert = false): unknown => ({ headers: [{ name: 'stage', value, invert }] })
  const staged = { headers: [{ name: 'Stage', value: 'prod' }] }

  test('of a path says how it was compared', () => {
    const at = (kind: string, value: string, url: string): string | undefined =>
      failure({ path: { kind, value } }, { url })
    assert.equal(at('exact', '/foo', 'a/bar'), 'path: /bar is not /foo')
    assert.equal(at('prefix', '/bar', 'a/foo'), 'path: /foo does not begin with /bar')
    assert.equal(at('path-prefix', '/foo', 'a/foobar'), 'path: /foobar is not /foo or below it')
    assert.equal(
      at('path-prefix', '/foo/', 'a/FOO/x'),
      'path: /FOO/x is not /foo/ or below it (upper and lower case count)',
    )
    assert.equal(at('path-prefix', '/foo', 'a/FOObar'), 'path: /FOObar is not /foo or below it')
    assert.equal(at('regex', '/v[0-9]', 'a/v12'), 'path: /v12 as a whole does not match the regex /v[0-9]')
  })

  test('of a method or the query says what the request has', () => {
    assert.equal(failure({ methods: ['PUT', 'POST'] }), 'method: wanted PUT or POST, the request has GET')
    assert.equal(failure({ query: [{ name: 'v', value: '1' }] }), 'query v: wanted exact "1", the request has none')
    const query = { name: 'v', value: { kind: 'regex', value: '[0-9]' } }
    assert.equal(failure({ query: [query] }, { url: 'a/?v=x' }), 'query v: wanted regex "[0-9]", the request has "x"')
  })

  test('of a header says what the request has, all values of it', () => {
    assert.equal(failure(header('canary')), 'header stage: wanted exact "canary", the request has none')
    assert.equal(
      failure(header({ kind: 'suffix', value: 'y' }), staged),
      'header stage: wanted suffix "y", the request has "prod"',
    )
    assert.equal(failure(header({ kind: 'present' })), 'header stage: wanted any value, the request has none')
    assert.equal(
      failure(header({ kind: 'present' }, true), staged),
      'header stage: wanted none, the request has "prod"',
    )
    const twice = { headers: [...staged.headers, { name: 'stage', value: 'x' }] }
    assert.equal(
      failure(header('prod', true), twice),
      'header stage: wanted not exact "prod", the request has "prod, x"',
    )
    const scheme = { headers: [{ name: ':scheme', value: 'https' }] }
    assert.equal(failure(scheme), 'header :scheme: wanted exact "https", the request has "http"')
    const path = { headers: [{ name: ':path', value: '/y' }] }
    assert.equal(failure(path, { url: 'a/x?q' }), 'header :path: wanted exact "/y", the request has "/x?q"')
  })

  test('compares and shows characters beyond ASCII as they are typed', () => {
    const sent = { headers: [{ name: 'stage', value: 'café 中' }] }
    assert.equal(failure(header('café 中'), sent), undefined)
    assert.equal(failure(header('cafe'), sent), 'header stage: wanted exact "cafe", the request has "café 中"')
  })

  test('shows of a long value only its beginning', () => {
    const text = failure(header('x'), { headers: [{ name: 'stage', value: 'y'.repeat(1_000) }] })
    assert.ok(text?.includes(`"${'y'.repeat(200)}…"`))
  })
})

test('a wildcard fits with and without the port, an exact name goes before it', () => {
  const domains = ['*.b.test', '*.test', 'a.b.test', 'a.b.test:81']
  const snapshot = snapshotOf({
    listeners: [{ port: 80 }],
    routeTables: [{ virtualHosts: [{ domains, routes: [responding] }] }],
    clusters: [],
  })
  const domain = (url: string): string | undefined => explained(snapshot, { url }).host?.domain
  assert.equal(domain('A.b.test:81/'), 'a.b.test:81')
  assert.equal(domain('A.b.test:82/'), 'a.b.test')
  assert.equal(domain('x.b.test:82/'), '*.b.test')
  assert.equal(domain('x.y.test/'), '*.test')
  assert.match(explained(snapshot, { url: 'b.testt/' }).answer.kind, /none/)
})

test('the nearest route is the one of the fewest failures, and of those the one that asks for most', () => {
  const put = { methods: ['PUT'] }
  const nearest = (...matches: readonly unknown[]): string | undefined => {
    const routes = matches.map((match, index) => ({ id: `r${index}`, match, ...responding }))
    const { answer } = explained(listening([{ id: 'a', port: 1 }], routes), { url: 'a.test/x' })
    return answer.kind === 'none' ? answer.nearest?.route : undefined
  }
  assert.equal(nearest({ ...put, path: '/y' }, put, { ...put, path: '/x' }, put), 'r2')
  assert.equal(nearest(put, { ...put, path: '/y' }), 'r0')
  assert.equal(nearest(), undefined)
})

test('CONNECT without a route for it is told as the answer that it gets', () => {
  const { answer } = explained(listening([{ id: 'a', port: 1 }]), { method: 'CONNECT', url: 'a.test:443' })
  assert.ok(answer.kind === 'none')
  assert.deepEqual([answer.status, answer.nearest?.failed[0]?.has], [405, 'CONNECT'])
})

test('the place of a key lies in the range of the destination that it stays with', () => {
  fc.assert(
    fc.property(
      fc
        .array(fc.nat(50), { minLength: 2, maxLength: 6 })
        .filter((weights) => weights.filter((each) => each > 0).length > 1),
      fc.stringMatching(/^[a-z0-9]{1,8}$/),
      (weights, user) => {
        const key = { kind: 'header', name: 'x-user' }
        const destinations = weights.map((weight) => ({ cluster: 'c', weight }))
        const snapshot = snapshotOf({
          listeners: [{ port: 80 }],
          routeTables: [
            {
              virtualHosts: [{ domains: ['*'], routes: [{ action: { affinity: { key, salt: 's' }, destinations } }] }],
            },
          ],
          clusters: [{ name: 'c', endpoints: ['127.0.0.1:1'] }],
        })
        const { answer } = explained(snapshot, { headers: [{ name: 'x-user', value: user }] })
        assert.ok(answer.kind === 'forward' && answer.choice.kind === 'affinity')
        const { place = -1 } = answer.choice
        const [picked, ...others] = answer.destinations.filter((each) => each.picked === true)
        assert.equal(others.length, 0)
        const [from, to] = picked?.range ?? [2, 2]
        assert.ok(from - 1e-6 <= place && place <= to + 1e-6, `${place} is not in ${from}..${to}`)
      },
    ),
    { numRuns: 200 },
  )
})

const word = fc.constantFrom('a', 'ab', 'b', 'A', '')
const value: fc.Arbitrary<ValueMatch> = fc.oneof(
  fc.record({ kind: fc.constantFrom('exact', 'prefix', 'suffix', 'regex'), value: word }),
  fc.constant({ kind: 'present' as const }),
)
const path: fc.Arbitrary<PathMatch> = fc.record({
  kind: fc.constantFrom('exact', 'prefix', 'path-prefix', 'regex'),
  value: fc.constantFrom('/', '/a', '/a/', '/ab', '/A/b', '/a.*'),
  caseSensitive: fc.boolean(),
})
const headerMatch: fc.Arbitrary<HeaderMatch> = fc.record({
  name: fc.constantFrom('stage', 'team', ':path', ':method', ':authority', ':scheme', 'host'),
  value,
  invert: fc.boolean(),
})
const queryMatch: fc.Arbitrary<QueryMatch> = fc.record({ name: fc.constantFrom('q', 'r'), value })
const routes: fc.Arbitrary<readonly Route[]> = fc
  .array(
    fc.record({
      path,
      methods: fc.subarray(['GET', 'PUT', 'CONNECT'], { maxLength: 2 }),
      headers: fc.array(headerMatch, { maxLength: 2 }),
      query: fc.array(queryMatch, { maxLength: 1 }),
    }),
    { maxLength: 4 },
  )
  .map((matches) => matches.map((match, index) => answering(`route-${index}`, match)))
const domain = fc.constantFrom('*', '*.test', '*.a.test', 'a.test', 'b.a.test', 'A.test:80', '*.test:80')
const hosts: fc.Arbitrary<readonly VirtualHost[]> = fc
  .array(fc.record({ domains: fc.array(domain, { minLength: 1, maxLength: 3 }), routes }), { maxLength: 4 })
  .map((all) => all.map((host, index) => ({ name: `host-${index}`, ...host })))
const pair = fc.tuple(fc.constantFrom('stage', 'team'), word)
const request: fc.Arbitrary<RequestView> = fc
  .record({
    method: fc.constantFrom('GET', 'PUT', 'CONNECT'),
    scheme: fc.constantFrom('http', 'https'),
    host: fc.constantFrom('a.test', 'b.a.test', 'c.a.test:80', 'a.test:80', 'B.A.test:81', 'other', 'test'),
    path: fc.constantFrom('/', '/a', '/ab', '/a/b', '/A/b/c'),
    query: fc.constantFrom('', 'q', 'q=a', 'r=b&q=ab'),
    headers: fc.array(pair, { maxLength: 3 }),
  })
  .map(({ headers, ...rest }) => ({
    ...rest,
    someHeader: (name, holds) => headers.some(([key, sent]) => key === name && holds(sent)),
  }))

test('an explanation agrees with the decision, for any routes and requests', () => {
  fc.assert(
    fc.property(hosts, request, (virtualHosts, view) => {
      const table = prepareRouteTable({ id: 't', virtualHosts })
      const decision = decide(table, view)
      const { host, taken, considered } = explainRoute(table, view)
      assert.equal(
        host?.virtualHost,
        decision === NO_VIRTUAL_HOST ? undefined : findHost(table, view.host)?.virtualHost.name,
      )
      assert.equal(taken, table.routes[decision]?.route ?? null)
      const passed = taken === null ? considered : considered.slice(0, -1)
      assert.ok(passed.every(({ matched, failed }) => !matched && failed !== undefined && failed.text !== ''))
      if (taken === null) return
      assert.deepEqual([considered.at(-1)?.route, considered.at(-1)?.failed], [taken.id, undefined])
    }),
    { numRuns: 2_000 },
  )
})
