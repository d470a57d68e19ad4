/** Paths are compared as sent: nothing is decoded, merged or resolved, and the query is no part of them (decision 0054). */
import type { PathMatch } from '../../src/routing/match-model.ts'
import { brief, single } from './sketch.ts'
import type { RoutingCase } from './sketch.ts'

interface PathTable extends Pick<PathMatch, 'kind' | 'value'> {
  readonly anyCase?: boolean
  readonly takes: readonly string[]
  readonly leaves: readonly string[]
}

const LONG = 'x'.repeat(8_000)

const tables: readonly PathTable[] = [
  { kind: 'prefix', value: '/', takes: ['/', '/anything/at?all', '//', '/../x', '/%00', '/?'], leaves: [] },
  { kind: 'prefix', value: '', takes: ['/', '/x'], leaves: [] },
  {
    kind: 'prefix',
    value: '/foo',
    takes: [
      '/foo',
      '/foobar',
      '/foo/bar',
      '/foo/',
      '/foo?x=1',
      '/foo?',
      '/foo//bar',
      '/foo/../bar',
      '/foo%2Fbar',
      '/foo;v=1',
      '/foo.html',
      `/foo${LONG}`,
    ],
    leaves: ['/', '/fo', '/Foo', '//foo', '/%66oo', '/fo%6F', '/x?/foo', '/./foo', '/x/foo', '/x/../foo', `/${LONG}`],
  },
  { kind: 'prefix', value: '/foo/', takes: ['/foo/', '/foo/bar', '/foo//', '/foo/?x'], leaves: ['/foo', '/foo?/'] },
  { kind: 'prefix', value: '/FOO', takes: ['/FOO', '/FOO/x'], leaves: ['/foo'] },
  {
    kind: 'prefix',
    value: '/foo',
    anyCase: true,
    takes: ['/foo', '/Foo/x', '/fOObar', '/FOO?x'],
    leaves: ['/fo', '/F%4FO', '/x/FOO'],
  },
  { kind: 'prefix', value: '/FOO', anyCase: true, takes: ['/foo', '/FOO'], leaves: ['/fo'] },
  { kind: 'prefix', value: '/a%20b', takes: ['/a%20b', '/a%20bc'], leaves: ['/a+b', '/a%2'] },
  { kind: 'prefix', value: '/a%2f', takes: ['/a%2f'], leaves: ['/a%2F', '/a/'] },
  { kind: 'prefix', value: '/a%2f', anyCase: true, takes: ['/a%2F', '/A%2f'], leaves: ['/a/'] },
  { kind: 'prefix', value: `/${LONG}`, takes: [`/${LONG}`, `/${LONG}y`], leaves: [`/${LONG.slice(1)}`, '/'] },
  {
    kind: 'path-prefix',
    value: '/foo',
    takes: ['/foo', '/foo/', '/foo/bar', '/foo?x=/bar', '/foo?', '/foo//', '/foo/../x', '/foo/;x', `/foo/${LONG}`],
    leaves: [
      '/',
      '/fo',
      '/foobar',
      '/foo%2Fbar',
      '/foo;v=1',
      '/foo.html',
      '/foo-bar',
      '/Foo',
      '//foo',
      '/bar/foo',
      '/./foo',
      `/foo${LONG}`,
    ],
  },
  { kind: 'path-prefix', value: '/foo/', takes: ['/foo', '/foo/', '/foo/bar'], leaves: ['/foobar', '/fo', '/'] },
  { kind: 'path-prefix', value: '/', takes: ['/', '/anything', '//', '/a/b?c'], leaves: [] },
  {
    kind: 'path-prefix',
    value: '/foo/bar',
    takes: ['/foo/bar', '/foo/bar/', '/foo/bar/baz'],
    leaves: ['/foo', '/foo/', '/foo/barbaz', '/foo//bar', '/foo%2Fbar'],
  },
  {
    kind: 'path-prefix',
    value: '/foo',
    anyCase: true,
    takes: ['/FOO/bar', '/Foo', '/fOO/'],
    leaves: ['/FOOBAR', '/FO'],
  },
  { kind: 'path-prefix', value: '/Foo/', anyCase: true, takes: ['/foo', '/FOO/x'], leaves: ['/foox'] },
  {
    kind: 'exact',
    value: '/foo',
    takes: ['/foo', '/foo?x=1', '/foo?', '/foo?a=1?b=2'],
    leaves: [
      '/',
      '/fo',
      '/foo/',
      '/FOO',
      '/foobar',
      '//foo',
      '/foo//',
      '/%66oo',
      '/foo/.',
      '/foo%3Fx=1',
      '/foo;',
      `/foo${LONG}`,
    ],
  },
  { kind: 'exact', value: '/', takes: ['/', '/?x=1'], leaves: ['/x', '//', '/.'] },
  { kind: 'exact', value: '/foo/', takes: ['/foo/'], leaves: ['/foo', '/foo//'] },
  { kind: 'exact', value: '/foo', anyCase: true, takes: ['/FOO', '/foo', '/fOo?X'], leaves: ['/FOO/', '/FO'] },
  { kind: 'exact', value: '/FOO', anyCase: true, takes: ['/foo'], leaves: ['/fooo'] },
  { kind: 'exact', value: '/a%2Fb', takes: ['/a%2Fb'], leaves: ['/a/b', '/a%2fb'] },
  { kind: 'exact', value: '/a%2Fb', anyCase: true, takes: ['/A%2fB'], leaves: ['/a/b'] },
  { kind: 'exact', value: '/a/../b', takes: ['/a/../b'], leaves: ['/b'] },
  { kind: 'exact', value: '//', takes: ['//'], leaves: ['/', '///'] },
  { kind: 'exact', value: '/a.b', takes: ['/a.b'], leaves: ['/axb'] },
  { kind: 'exact', value: `/${LONG}`, takes: [`/${LONG}`], leaves: [`/${LONG}x`] },
]

/** RE2, always against the whole path. */
const regexes: readonly Omit<PathTable, 'kind'>[] = [
  { value: '/v[0-9]+', takes: ['/v1', '/v12', '/v1?x'], leaves: ['/v', '/v12/x', '/av1', '/v1/', '/v1x'] },
  { value: '/v[0-9]+/.*', takes: ['/v1/', '/v1/anything/at'], leaves: ['/v1'] },
  { value: '/a|/b', takes: ['/a', '/b'], leaves: ['/ab', '/a/b', '/c'] },
  { value: '^/a|/b$', takes: ['/a', '/b'], leaves: ['/ax', '/x/b'] },
  { value: '^/foo$', takes: ['/foo'], leaves: ['/foo/'] },
  { value: '\\A/foo\\z', takes: ['/foo'], leaves: ['/foo/'] },
  { value: '/foo', takes: ['/foo', '/foo?x=/bar'], leaves: ['/foo/bar', '/FOO'] },
  { value: '/foo', anyCase: true, takes: ['/FOO', '/foo'], leaves: ['/FOO/x'] },
  { value: '/foo[a-z]', anyCase: true, takes: ['/FOOX'], leaves: ['/FOO1'] },
  { value: '(?i)/foo', takes: ['/FOO', '/foo'], leaves: ['/FO'] },
  { value: '/(?i:foo)/bar', takes: ['/FOO/bar'], leaves: ['/FOO/BAR'] },
  { value: '/\\d{2,3}', takes: ['/12', '/123'], leaves: ['/1', '/1234', '/a1'] },
  { value: '\\Q/a.b\\E', takes: ['/a.b'], leaves: ['/axb'] },
  { value: '/a.b', takes: ['/a.b', '/axb', '/a/b'], leaves: ['/ab'] },
  { value: '/[[:alpha:]]+', takes: ['/abc'], leaves: ['/abc1'] },
  { value: '/[^/]+/edit', takes: ['/x/edit', '/a%2Fb/edit'], leaves: ['/a/b/edit', '//edit'] },
  { value: '/(?P<id>[a-f0-9]+)', takes: ['/beef'], leaves: ['/xyz'] },
  { value: '/\\w+\\.(jpg|png)', takes: ['/a_1.jpg', '/b.png?w=1'], leaves: ['/a.gif', '/a-1.jpg', '/.png'] },
  { value: '.*', takes: ['/', '/any/thing'], leaves: [] },
  { value: '', takes: [], leaves: ['/'] },
  { value: '/a*?', takes: ['/', '/aaa'], leaves: ['/ab'] },
  { value: '/foo/?', takes: ['/foo', '/foo/'], leaves: ['/foo//'] },
  { value: '/a(?:/b)*', takes: ['/a', '/a/b/b'], leaves: ['/a/c'] },
  { value: '/\\x66oo', takes: ['/foo'], leaves: ['/x66oo'] },
  { value: '/\\pL+', takes: ['/abc'], leaves: ['/1'] },
  { value: '/a%2Fb', takes: ['/a%2Fb'], leaves: ['/a/b'] },
  // Would take for ever where one tries every way to read it.
  { value: '/(a+)+b', takes: [`/${'a'.repeat(3_000)}b`], leaves: [`/${'a'.repeat(3_000)}`] },
  { value: '/(a|a?)+c', takes: [`/${'a'.repeat(3_000)}c`], leaves: [`/${'a'.repeat(3_000)}`] },
]

export const pathCases: readonly RoutingCase[] = [
  ...tables,
  ...regexes.map((table) => ({ kind: 'regex' as const, ...table })),
].flatMap(casesOf)

function casesOf({ kind, value, anyCase = false, takes, leaves }: PathTable): RoutingCase[] {
  const path = { kind, value, caseSensitive: !anyCase }
  const title = `path ${kind} "${brief(value)}"${anyCase ? ' in any case' : ''}`
  return [
    ...takes.map((target) => single(`${title} takes ${brief(target)}`, { path }, { target }, true)),
    ...leaves.map((target) => single(`${title} leaves ${brief(target)}`, { path }, { target }, false)),
  ]
}
