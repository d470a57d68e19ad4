/** The house plan, enforced: who may import whom, nothing deep, no cycles, pure rooms stay pure. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

const SRC = resolve(import.meta.dirname, '../src')

/** Changing this table needs a decision page. Everybody may use `base`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  routing: [],
  release: [],
  kube: [],
  telemetry: [],
  kinds: ['kube'],
  dialects: ['kinds', 'kube', 'routing', 'release'],
  proxy: ['routing', 'telemetry'],
  'api-server': ['kinds', 'kube', 'telemetry'],
  runtime: ['kinds', 'kube'],
  controllers: ['kinds', 'kube', 'routing', 'release', 'telemetry', 'dialects'],
  cli: ['kinds', 'kube', 'routing'],
  main: [
    'routing',
    'release',
    'kube',
    'telemetry',
    'kinds',
    'dialects',
    'proxy',
    'api-server',
    'runtime',
    'controllers',
    'cli',
  ],
}

/** The folders of the data plane, from the client's side down: each may import itself and what stands below it. */
const PROXY_LAYERS = [
  'downstream',
  'exchange',
  'serving',
  'tries',
  'cluster',
  'telling',
  'balance',
  'upstream',
  'health',
  'http2',
  'policy',
  'http1',
  'tls',
  'listening',
  'link',
  'supervisor',
]

/** No clock, no randomness, no I/O: what goes in decides what comes out. */
const PURE_ROOMS = ['routing', 'release', 'dialects', 'kinds']

const IMPURE =
  /\b(Date\.now|new Date\(\)|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|process\.|crypto\.random|randomUUID|fetch\()/

/** Outside `base` time and chance come in as parameters. */
const AMBIENT = /\b(Date\.now\(|new Date\(\)|Math\.random)|(?<![.#\w])(setTimeout|setInterval)\(/

interface Import {
  readonly from: string
  readonly to: string
}

/** What ships: tests, and what only tests use (`<room>/testing/`), may do more. */
const files = globSync('**/*.ts', { cwd: SRC }).filter((file) => !/\.test\.ts$|\/testing\//.test(file))
const sources = new Map(files.map((file) => [file, readFileSync(join(SRC, file), 'utf8')]))

test('the rooms import only whom the table allows', () => {
  const forbidden = imports()
    .filter(({ from, to }) => roomOf(from) !== roomOf(to) && roomOf(to) !== 'base')
    .filter(({ from, to }) => !(MAY_IMPORT[roomOf(from)] ?? []).includes(roomOf(to)))
  assert.deepEqual(forbidden, [])
})

test('every room stands in the table', () => {
  assert.deepEqual(
    [...new Set(files.map(roomOf))].filter((room) => !(room in MAY_IMPORT)),
    [],
  )
})

test('nobody reaches into the private folder of another room', () => {
  const deep = imports().filter(({ from, to }) => roomOf(from) !== roomOf(to) && to.split('/').length > 2)
  assert.deepEqual(deep, [])
})

test('a routing language is a folder: only its list knows it, no other language does, and only main knows the list', () => {
  const languageOf = (file: string): string | undefined => /^dialects\/([^/]+)\//.exec(file)?.[1]
  const strangers = imports()
    .filter(({ from, to }) => languageOf(to) !== undefined && languageOf(from) !== languageOf(to))
    .filter(({ from }) => from !== 'dialects/all.ts')
  assert.deepEqual(strangers, [])
  const readers = imports().filter(({ to }) => to === 'dialects/all.ts')
  assert.deepEqual(
    readers.filter(({ from }) => roomOf(from) !== 'main'),
    [],
  )
  assert.ok(readers.length > 0)
})

test('the layers of the data plane import only downwards', () => {
  const layered = imports()
    .map(({ from, to }) => ({ from, to, upper: layerOf(from), lower: layerOf(to) }))
    .filter(({ upper, lower }) => upper !== undefined && lower !== undefined)
  assert.deepEqual(
    [...new Set(layered.map(({ upper }) => upper ?? ''))].filter((layer) => !PROXY_LAYERS.includes(layer)),
    [],
  )
  const upwards = layered.filter(
    ({ upper = '', lower = '' }) => PROXY_LAYERS.indexOf(lower) < PROXY_LAYERS.indexOf(upper),
  )
  assert.deepEqual(upwards, [])
})

test('no file imports itself by way of others', () => {
  const edges = Map.groupBy(imports(), ({ from }) => from)
  const state = new Map<string, 'open' | 'closed'>()
  const cycles: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'closed') return
    if (state.get(file) === 'open') {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
      return
    }
    state.set(file, 'open')
    for (const { to } of edges.get(file) ?? []) visit(to, [...path, file])
    state.set(file, 'closed')
  }
  for (const file of files) visit(file, [])
  assert.deepEqual(cycles, [])
})

test('the pure rooms have no clock, no randomness and no I/O', () => {
  const impure = files.filter((file) => PURE_ROOMS.includes(roomOf(file))).flatMap((file) => offences(file, IMPURE))
  const builtins = files
    .filter((file) => PURE_ROOMS.includes(roomOf(file)))
    .filter((file) => /from 'node:/.test(sourceOf(file)))
  assert.deepEqual([...impure, ...builtins], [])
})

test('outside base nobody takes time or chance from the surroundings', () => {
  const ambient = files.filter((file) => roomOf(file) !== 'base').flatMap((file) => offences(file, AMBIENT))
  assert.deepEqual(ambient, [])
})

function imports(): Import[] {
  return files.flatMap((from) =>
    [...sourceOf(from).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => ({
      from,
      to: relative(SRC, resolve(SRC, dirname(from), match[1] ?? '')),
    })),
  )
}

/** `main.ts` and `main/…` are one room. */
function roomOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : file.replace(/\.ts$/, '')
}

/** Undefined outside the folders of the data plane. */
function layerOf(file: string): string | undefined {
  return /^proxy\/([^/]+)\//.exec(file)?.[1]
}

function sourceOf(file: string): string {
  return sources.get(file) ?? ''
}

function offences(file: string, pattern: RegExp): string[] {
  return sourceOf(file)
    .split('\n')
    .flatMap((line, index) => (!isComment(line) && pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : []))
}

function isComment(line: string): boolean {
  return /^\s*(\/\/|\*|\/\*)/.test(line)
}
