import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  headerText,
  maxAgeSeconds,
  mergeStrategy,
  retryConditions,
  shareOfPercentage,
  textList,
} from './option-values.ts'

test('a percentage becomes a share in millionths', () => {
  const shares = [0, 0.00004, 0.00005, 0.1, 33.3, 99.9999, 100].map((percentage) => shareOfPercentage(percentage))
  assert.deepEqual(shares, [0, 0, 0.000001, 0.001, 0.333, 0.999999, 1])
  assert.equal(shareOfPercentage(undefined), 0)
})

test('retry conditions are told apart into those that are known and those that are not', () => {
  assert.deepEqual(retryConditions(' reset, 5xx,, exhausted,reset'), {
    known: ['5xx', 'reset'],
    unknown: ['exhausted'],
  })
  assert.deepEqual(retryConditions(undefined), { known: [], unknown: [] })
})

test('a header value is plain text, or has a variable of Envoy in it', () => {
  assert.deepEqual(headerText('100%% of %%'), { kind: 'text', text: '100% of %' })
  assert.deepEqual(headerText('a %REQ(x-b):3% c'), { kind: 'variable', variable: '%REQ(x-b):3%' })
  assert.deepEqual(headerText('%%%PROTOCOL%'), { kind: 'variable', variable: '%PROTOCOL%' })
  assert.deepEqual(headerText('5%'), { kind: 'broken' })
  assert.deepEqual(headerText(undefined), { kind: 'text', text: '' })
})

test('the age of CORS is in seconds, or a duration', () => {
  const ages = ['0', '600', '-1', '1d', '12h', '1500ms'].map(maxAgeSeconds)
  assert.deepEqual(ages, [0, 600, 0, 86_400, 43_200, 2])
  assert.deepEqual(['', 'long', '1.5'].map(maxAgeSeconds), [undefined, undefined, undefined])
})

test('a list may have lists in it', () => {
  assert.deepEqual(textList(['GET', 'PUT, DELETE', '']), ['GET', 'PUT', 'DELETE'])
})

test('a way to merge is known by name and by number', () => {
  assert.deepEqual(
    [undefined, 0, 1, 2, 'UNION', 'ROUTE'].map((value) => mergeStrategy(value)),
    ['DEFAULT', 'DEFAULT', 'UNION', undefined, 'UNION', undefined],
  )
})
