import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acting } from '../../../test/routing-cases/sketch.ts'
import { routeProblems } from '../check.ts'
import type { Action } from '../route-model.ts'

type Redirect = Partial<Extract<Action, { kind: 'redirect' }>>

const told = (action: Action): readonly string[] =>
  routeProblems(acting('r', {}, action), '').map(({ code, path }) => `${code} ${path}`)
const redirecting = (change: Redirect): readonly string[] =>
  told({ kind: 'redirect', status: 302, stripQuery: false, ...change })
const answering = (name: string, value = 'x'): readonly string[] =>
  told({
    kind: 'respond',
    status: 200,
    body: 'hello',
    headers: [
      { name: 'x-own', value: 'x' },
      { name, value },
    ],
  })

test('a direct response cannot have fields that frame it, or that are none', () => {
  for (const name of ['content-length', 'Transfer-Encoding', 'connection', 'trailer', 'a b', '']) {
    assert.ok(answering(name).includes('bad-header .action.headers[1].name'), name)
  }
  assert.deepEqual(answering('x-a', 'b\r\nc: d'), ['bad-text .action.headers[1].value'])
  for (const name of ['content-type', 'retry-after', 'Proxy-Authenticate', 'set-cookie']) {
    assert.deepEqual(answering(name), [])
  }
})

test('a redirect leads to a host, with one port at most', () => {
  for (const host of ['a', 'a.example.com', 'a_b:8443', '127.0.0.1', '[::1]', '[::1]:8443', 'xn--a-1.example']) {
    assert.deepEqual(redirecting({ host }), [], host)
  }
  for (const host of ['a/b', 'a b', '::1', 'a:b', 'user@a', 'a?b', 'a#b', 'ä', 'a\r\nb', 'https://a']) {
    assert.deepEqual(redirecting({ host }), ['bad-text .action.host'], host)
  }
  assert.deepEqual(redirecting({ host: 'a:1', port: 2 }), ['bad-text .action.port'])
  assert.deepEqual(redirecting({ host: '[::1]', port: 2 }), [])
})

test('a redirect’s path is one of a URL, and may bring a query where it is whole', () => {
  const path = (kind: 'full' | 'prefix', value: string) => redirecting({ path: { kind, value } })
  for (const value of ['', '/', '/a%20b', '/a;b=c,d']) {
    assert.deepEqual([...path('full', value), ...path('prefix', value)], [], value)
  }
  for (const value of ['/a b', '/ä', '/a\r\nb']) {
    assert.deepEqual([...path('full', value), ...path('prefix', value)].length, 2, value)
  }
  for (const value of ['/a?b=c', '/a#b']) {
    assert.deepEqual(path('full', value), [])
    assert.deepEqual(path('prefix', value), ['bad-text .action.path.value'])
  }
})
