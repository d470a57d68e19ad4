import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPlace, parseManifest } from './parse.ts'

const POD = 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n'

test('every document of a file is read; empty ones are not', () => {
  const { objects, mistakes } = parseManifest(`# only a comment\n---\n${POD}---\n---\n${POD}`, 'x.yaml')
  assert.equal(objects.length, 2)
  assert.deepEqual(mistakes, [])
})

test('JSON is read as well, and lists give their items', () => {
  const text = '{"kind":"List","apiVersion":"v1","items":[{"kind":"A","apiVersion":"v1","metadata":{"name":"q"}}]}'
  assert.deepEqual(
    parseManifest(text, 'x.json').objects.map(({ object }) => object.kind),
    ['A'],
  )
})

test('YAML that is not YAML is reported with line and column', () => {
  const { objects, mistakes } = parseManifest(`${POD}---\nkind: Pod\n  metadata: x\n`, 'x.yaml')
  assert.equal(objects.length, 1)
  assert.deepEqual(
    mistakes.map(({ place }) => formatPlace(place)),
    ['x.yaml:6:7'],
  )
  assert.match(mistakes[0]?.message ?? '', /^Cannot read the YAML: nested mappings are not allowed/)
})

test('a repeated key is a mistake, not a surprise', () => {
  const { mistakes } = parseManifest(`${POD}spec:\n  a: 1\n  a: 2\n`, 'x.yaml')
  assert.deepEqual(
    mistakes.map(({ place }) => place.line),
    [7],
  )
})

test('what is no object is reported where it stands', () => {
  const { mistakes } = parseManifest(
    '- 1\n---\nfoo\n---\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\n',
    'x',
  )
  assert.deepEqual(
    mistakes.map(({ place, message }) => [place.line, message]),
    [
      [1, 'Cannot read the document: expected an object with apiVersion and kind, found a list'],
      [3, 'Cannot read the document: expected an object with apiVersion and kind, found the string "foo"'],
      [5, 'Cannot read the object: apiVersion must be set to a text'],
      [8, 'Cannot read the Pod: metadata.name must be set'],
    ],
  )
})

test('a name that YAML takes for a number is reported at the name', () => {
  const { mistakes } = parseManifest('apiVersion: v1\nkind: Pod\nmetadata: {name: 12}\n', 'x.yaml')
  assert.deepEqual(
    mistakes.map(({ place }) => formatPlace(place)),
    ['x.yaml:3:12'],
  )
})

test('values are read as kubectl reads them', () => {
  const { objects } = parseManifest(
    `${POD}spec: { mode: 0644, on: yes, date: 2020-01-01, time: 1:20, n: y }\n`,
    'x.yaml',
  )
  const spec = (objects[0]?.object as { spec?: unknown } | undefined)?.spec
  assert.deepEqual(spec, { mode: 420, true: true, date: '2020-01-01', time: '1:20', n: 'y' })
})

test('a field path leads to the place of the field, or of its nearest parent', () => {
  const [manifest] = parseManifest(
    `${POD}  labels: { a.b/c: x }\nspec:\n  routes:\n  - weight: 1\n  - weight: 2\n`,
    'x.yaml',
  ).objects
  const at = (path: string): string => formatPlace(manifest?.locate(path) ?? { source: '', line: 0, column: 0 })
  assert.equal(at('spec.routes[1].weight'), 'x.yaml:9:5')
  assert.equal(at('spec.routes[1].missing'), 'x.yaml:9:5')
  assert.equal(at('metadata.labels[a.b/c]'), 'x.yaml:5:13')
  assert.equal(at('nothing.of.it'), 'x.yaml:1:1')
})

test('aliases cannot blow a small file up', () => {
  const bombs = Array.from({ length: 12 }, (_, index) => {
    const previous = index === 0 ? '"x"' : `*a${index - 1}`
    return `a${index}: &a${index} [${Array.from({ length: 9 }, () => previous).join(',')}]\n`
  })
  const { objects, mistakes } = parseManifest(`${POD}${bombs.join('')}`, 'x.yaml')
  assert.equal(objects.length, 0)
  assert.match(mistakes[0]?.message ?? '', /alias/)
})
