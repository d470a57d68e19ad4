import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { LabelSelectorRequirement } from './object.ts'
import {
  formatLabelSelector,
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  SelectorError,
} from './selector.ts'

const labels = { app: 'echo', version: 'v1', empty: '', 'example.com/role': 'web' }

const matching = [
  '',
  ' ',
  'app=echo',
  'app==echo',
  'app = echo , version in ( v1, v2 )',
  'version!=v2',
  'tier!=gold',
  'tier notin (gold)',
  'version notin (v2,v3)',
  'app',
  '!tier',
  'empty=',
  'empty in (,x)',
  'example.com/role=web',
  'app,!tier,version in (v1)',
]
for (const text of matching) {
  test(`"${text}" selects the labels`, () => assert.equal(matchesLabels(parseLabelSelector(text), labels), true))
}

const missing = [
  'app=other',
  'version in (v2)',
  '!app',
  'tier',
  'version notin (v1)',
  'app!=echo',
  'app=echo,tier=gold',
]
for (const text of missing) {
  test(`"${text}" does not select the labels`, () =>
    assert.equal(matchesLabels(parseLabelSelector(text), labels), false))
}

const broken = [
  '=a',
  'a=b,',
  'a in b',
  'a in (b',
  'a b',
  ',',
  '!',
  'a=b=c',
  'a in ()x',
  '-a=b',
  'a=-b',
  'a==b,,c',
  '()',
  'a=b c',
]
for (const text of broken) {
  test(`"${text}" is no label selector`, () => assert.throws(() => parseLabelSelector(text), SelectorError))
}

test('a broken selector is named with what was expected', () => {
  assert.throws(() => parseLabelSelector('app=echo version=v1'), {
    message: 'unable to parse requirement: found "version" in "app=echo version=v1", expected ","',
  })
})

test('a selector object: all of both parts; empty selects all, absent nothing', () => {
  const selector = {
    matchLabels: { app: 'echo' },
    matchExpressions: [{ key: 'version', operator: 'In' as const, values: ['v1'] }],
  }
  assert.equal(matchesLabels(selector, labels), true)
  assert.equal(matchesLabels(selector, { app: 'echo' }), false)
  assert.equal(matchesLabels({}, labels), true)
  assert.equal(matchesLabels(undefined, labels), false)
})

test('labels are never found on the prototype', () => {
  assert.equal(matchesLabels(parseLabelSelector('constructor'), {}), false)
})

test('a selector is written in the order of its keys', () => {
  const text = formatLabelSelector({
    matchLabels: { b: '2', a: '1' },
    matchExpressions: [
      { key: 'd', operator: 'DoesNotExist' },
      { key: 'c', operator: 'In', values: ['y', 'x'] },
    ],
  })
  assert.equal(text, 'a=1,b=2,c in (x,y),!d')
  assert.equal(formatLabelSelector({}), '')
})

const word = fc.stringMatching(/^[a-z]([a-z.-]{0,6}[a-z0-9])?$/)
const requirement: fc.Arbitrary<LabelSelectorRequirement> = fc.oneof(
  fc.record({ key: word, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  fc.record({
    key: word,
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.uniqueArray(fc.oneof(word, fc.constant('')), { minLength: 1, maxLength: 3 }),
  }),
)

test('what is written is read as the same selector', () => {
  fc.assert(
    fc.property(fc.array(requirement, { maxLength: 4 }), fc.dictionary(word, word), (requirements, given) => {
      const again = parseLabelSelector(formatLabelSelector(requirements))
      assert.equal(again.length, requirements.length)
      assert.equal(matchesLabels(again, given), matchesLabels(requirements, given))
      assert.equal(formatLabelSelector(again), formatLabelSelector(requirements))
    }),
  )
})

const fields: Readonly<Record<string, string>> = { 'metadata.name': 'web', 'status.phase': 'Running', odd: 'a,b=c\\d' }
function read(path: string): string {
  return fields[path] ?? ''
}

test('field selectors compare the values at paths', () => {
  const matches = (text: string): boolean => matchesFields(parseFieldSelector(text), read)
  assert.equal(matches(''), true)
  assert.equal(matches('metadata.name=web'), true)
  assert.equal(matches('metadata.name==web,status.phase!=Failed'), true)
  assert.equal(matches('spec.nodeName='), true)
  assert.equal(matches('spec.nodeName!='), false)
  assert.equal(matches('metadata.name=other'), false)
  assert.equal(matches(String.raw`odd=a\,b\=c\\d`), true)
})

for (const text of ['metadata.name', '=x', 'a=b=c', String.raw`a=b\x`]) {
  test(`"${text}" is no field selector`, () => assert.throws(() => parseFieldSelector(text), SelectorError))
}
