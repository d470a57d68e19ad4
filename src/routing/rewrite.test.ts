import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PathMatch } from './match-model.ts'
import { compileRewrite, rewritePath } from './rewrite.ts'

const cases: readonly [
  PathMatch['kind'],
  match: string,
  'prefix' | 'full',
  value: string,
  path: string,
  want: string,
][] = [
  ['prefix', '/foo', 'prefix', '/bar', '/foo/x', '/bar/x'],
  ['prefix', '/foo', 'prefix', '/bar', '/foobar', '/barbar'],
  ['prefix', '/foo', 'prefix', '/', '/foo', '/'],
  ['prefix', '/foo/', 'prefix', '/', '/foo/x', '/x'],
  ['path-prefix', '/foo', 'prefix', '/bar', '/foo/x', '/bar/x'],
  ['path-prefix', '/foo', 'prefix', '/bar', '/foo', '/bar'],
  ['path-prefix', '/foo', 'prefix', '/', '/foo/x', '/x'],
  ['path-prefix', '/foo', 'prefix', '/', '/foo', '/'],
  ['path-prefix', '/foo', 'prefix', '/bar/', '/foo/x', '/bar/x'],
  ['path-prefix', '/', 'prefix', '/bar', '/x', '/bar/x'],
  ['prefix', '/foo', 'full', '/bar', '/foo/x', '/bar'],
  ['exact', '/foo', 'prefix', '/bar', '/foo', '/bar'],
  ['regex', '/f.*', 'prefix', '/bar', '/foo', '/bar'],
  ['prefix', '/foo', 'full', 'bar', '/foo', '/bar'],
]

for (const [kind, match, rewrite, value, path, want] of cases) {
  test(`${path} under ${kind} ${match} with ${rewrite} ${value} becomes ${want}`, () => {
    assert.equal(rewritePath(path, { kind, value: match, caseSensitive: true }, { kind: rewrite, value }), want)
  })
}

const substitutions: readonly [pattern: string, value: string, path: string, want: string][] = [
  ['^/v1/(.*)$', '/v2/\\1', '/v1/x/y', '/v2/x/y'],
  ['/(a+)', '/<\\1>', '/aa/a', '/<aa>/<a>'],
  ['/(a)(b)?', '/\\2\\1', '/a', '/a'],
  ['one', '\\0\\0', '/one', '/oneone'],
  ['/x', '\\\\', '/x', '/\\'],
  ['/x', 'y', '/x', '/y'],
  ['/none', '/y', '/x', '/x'],
]

for (const [pattern, value, path, want] of substitutions) {
  test(`${path} with "${pattern}" replaced by "${value}" becomes ${want}`, () => {
    const match = { kind: 'prefix', value: '/', caseSensitive: true } as const
    assert.equal(compileRewrite(match, { kind: 'regex', pattern, value })(path), want)
  })
}
