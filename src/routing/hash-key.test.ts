import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileHashKey } from './hash-key.ts'
import type { RequestView } from './match.ts'

function requestWith(headers: readonly (readonly [string, string])[], query = ''): RequestView {
  return {
    method: 'GET',
    scheme: 'http',
    host: 'echo',
    path: '/',
    query,
    someHeader: (name, passes) => headers.some(([known, value]) => known === name && passes(value)),
  }
}

test('a header is read by its first value', () => {
  const read = compileHashKey({ kind: 'header', name: 'x-user' })
  const request = requestWith([
    ['x-user', 'ann'],
    ['x-user', 'bob'],
  ])
  assert.equal(read(request, ''), 'ann')
  assert.equal(read(requestWith([]), ''), undefined)
})

test('a cookie is found among others, in any of several cookie fields', () => {
  const read = compileHashKey({ kind: 'cookie', name: 'user', ttlSeconds: 0, path: '/' })
  const request = requestWith([
    ['cookie', 'myuser=1; users=2'],
    ['cookie', 'a=b;user=c=d ; user=e'],
  ])
  assert.equal(read(request, ''), 'c=d')
  assert.equal(read(requestWith([['cookie', 'user']]), ''), undefined)
})

test('a query parameter and the client’s address are keys too', () => {
  assert.equal(compileHashKey({ kind: 'query', name: 'user' })(requestWith([], 'a=b&user=ann'), ''), 'ann')
  assert.equal(compileHashKey({ kind: 'source-address' })(requestWith([]), '10.0.0.1'), '10.0.0.1')
})
