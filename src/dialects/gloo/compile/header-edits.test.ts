import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { HeaderManipulation } from '../kinds/virtual-service.ts'
import type { HeaderEdits, HeaderValue } from '../../../routing/policy-model.ts'
import { requestEdits, responseEdits } from './header-edits.ts'

const name = fc.constantFrom('x-a', 'X-A', 'x-b', 'x-c')
const value = fc.constantFrom('1', '2', '100%%', '')
const level = fc.record<HeaderManipulation>({
  requestHeadersToAdd: fc.array(
    fc.record({ header: fc.record({ key: name, value }), append: fc.constantFrom(true, false, undefined) }),
    { maxLength: 5 },
  ) as fc.Arbitrary<NonNullable<HeaderManipulation['requestHeadersToAdd']>>,
  requestHeadersToRemove: fc.array(name, { maxLength: 2 }),
})
const headers = fc.array(fc.record({ name: fc.constantFrom('x-a', 'x-b', 'x-d'), value: fc.constantFrom('7', '8') }), {
  maxLength: 4,
})

test('one list of edits does what the levels do one after the other', () => {
  fc.assert(
    fc.property(fc.array(level, { maxLength: 3 }), headers, (levels, sent) => {
      assert.deepEqual(byName(edited(sent, requestEdits(levels))), byName(levels.reduce(inEnvoysOrder, sent)))
    }),
  )
})

test('levels that say nothing edit nothing', () => {
  assert.equal(requestEdits([undefined, {}, { responseHeadersToRemove: ['x-a'] }]), undefined)
  assert.deepEqual(responseEdits([undefined, { responseHeadersToRemove: ['X-A'] }]), {
    remove: ['x-a'],
    set: [],
    add: [],
  })
})

/** Removed first, then one after the other; an empty value adds nothing. */
function inEnvoysOrder(sent: readonly HeaderValue[], step: HeaderManipulation): readonly HeaderValue[] {
  const removed = (step.requestHeadersToRemove ?? []).map((each) => each.toLowerCase())
  let now = sent.filter((header) => !removed.includes(header.name))
  for (const { header, append } of step.requestHeadersToAdd ?? []) {
    const added = { name: header?.key?.toLowerCase() ?? '', value: header?.value?.replaceAll('%%', '%') ?? '' }
    if (added.value === '') continue
    now = [...(append === false ? now.filter((each) => each.name !== added.name) : now), added]
  }
  return now
}

/** As the routing model has it. */
function edited(sent: readonly HeaderValue[], edits: HeaderEdits | undefined): readonly HeaderValue[] {
  if (edits === undefined) return sent
  const dropped = new Set([...edits.remove, ...edits.set.map((each) => each.name)])
  return [...sent.filter((each) => !dropped.has(each.name)), ...edits.set, ...edits.add]
}

function byName(list: readonly HeaderValue[]): Readonly<Record<string, readonly string[]>> {
  const grouped = Map.groupBy(list, (header) => header.name)
  return Object.fromEntries([...grouped].map(([key, values]) => [key, values.map((each) => each.value)]))
}
