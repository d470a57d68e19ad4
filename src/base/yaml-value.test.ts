import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parse, parseDocument, stringify } from 'yaml'
import { LINEAR_YAML, YamlValueError, yamlValue } from './yaml-value.ts'

function read(text: string, nodesMax = 1_000, merge = true): unknown {
  return yamlValue(parseDocument(text, { ...LINEAR_YAML, merge }), { nodesMax })
}

test('a value is what the library makes of it', () => {
  const texts = [
    'a: 1\nb: [x, {c: null}, ~]\n"1": true\n1.5: no',
    'base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nmany: {<<: [*b, {x: 4, z: 5}]}\nagain: *b',
    'k: &k name\n*k : value',
    '? \n: 1',
    '',
  ]
  for (const text of texts) assert.deepEqual(read(text), parse(text, { merge: true, logLevel: 'silent' }), text)
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = stringify(value)
      assert.deepEqual(read(text, 100_000, false), parse(text))
    }),
    { seed: 1 },
  )
})

test('a key named __proto__ is a key', () => {
  assert.deepEqual(Object.keys(read('__proto__: 1') as object), ['__proto__'])
})

test('equal keys, unknown aliases and depth are mistakes with their place', () => {
  const cases: [text: string, offset: number, message: RegExp][] = [
    ['a: 1\nb: 2\na: 3', 10, /"a" stands twice/],
    ['1: 1\n"1": 2', 5, /"1" stands twice/],
    ['a: &a [*a]', 6, /nested more than 500/],
    [`${'['.repeat(502)}${']'.repeat(502)}`, 500, /nested more than 500/],
    ['<<: 1', 4, /merges mappings/],
  ]
  for (const [text, offset, message] of cases) {
    assert.throws(
      () => read(text, 1_000_000),
      (error) => error instanceof YamlValueError && error.offset === offset && message.test(error.message),
      text.slice(0, 20),
    )
  }
})

test('what aliases and merges repeat counts each time', () => {
  const bomb = ['a0: &a0 [x]', ...Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}]`)]
  const merges = [
    'm0: &m0 {x0: 1}',
    ...Array.from({ length: 9 }, (_, at) => `m${at + 1}: &m${at + 1} {<<: [*m${at}, *m${at}]}`),
  ]
  for (const text of [bomb, merges]) {
    assert.doesNotThrow(() => read(text.join('\n'), 20_000))
    assert.throws(() => read(text.join('\n'), 1_000), /more than 1000 values/)
  }
})
