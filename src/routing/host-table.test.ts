import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { HostTable } from './host-table.ts'

const label = fc.stringMatching(/^[a-z0-9.-]{0,12}$/)

test('finds what a map of the same names finds, in any case, in any part of a text', () => {
  fc.assert(
    fc.property(fc.uniqueArray(label, { maxLength: 200 }), label, label, (names, before, asked) => {
      const entries = new Map(names.map((name, index) => [name, index]))
      const table = new HostTable(entries)
      for (const name of [...names, asked]) {
        const text = `${before}${name.toUpperCase()}:80`
        assert.equal(table.find(text, before.length, before.length + name.length), entries.get(name) ?? -1)
      }
    }),
  )
})

test('ten thousand names that differ in their numbers are found, and their neighbours are not', () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `host-${index}.example`)
  const table = new HostTable(new Map(names.map((name, index) => [name, index])))
  const found = names.map((name) => table.find(name, 0, name.length))
  assert.deepEqual(found, [...names.keys()])
  assert.equal(table.find('host-10000.example', 0, 18), -1)
  assert.equal(table.find('host-1.exampl', 0, 13), -1)
})

test('an empty table has nothing', () => {
  const table = new HostTable(new Map<string, number>())
  assert.deepEqual([table.size, table.find('a', 0, 1), table.find('', 0, 0)], [0, -1, -1])
})

test('a name longer than any request is not found, nor what its beginning is like', () => {
  const name = 'a'.repeat(65_537)
  const table = new HostTable(new Map([[name, 0]]))
  assert.deepEqual([table.find(name, 0, name.length), table.find('a', 0, 1)], [-1, -1])
})
