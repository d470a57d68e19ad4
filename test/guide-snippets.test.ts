/** The guide shows nothing that does not work: every YAML in it is read as Sluice reads it. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'

import { kinds } from '../src/dialects/all.ts'
import { apiVersionOf } from '../src/kube/object.ts'
import { formatFinding, readRoutingFile } from '../src/routing/file.ts'
import { decodeCatalogue } from '../src/runtime/images/decode.ts'

import { complaints } from './support/admit.ts'
import { testAuthority } from './support/certificates.ts'
import { isPlace, wholeFile } from './support/guide-snippet.ts'
import type { Place } from './support/guide-snippet.ts'

interface Snippet {
  /** `proxy.md:23`. */
  readonly source: string
  readonly text: string
  /** Where it belongs in a routing file, if the page says so. */
  readonly place: Place | undefined
}

const ROOT = resolve(import.meta.dirname, '..')
const GUIDE = join(ROOT, 'docs/guide')
const snippets = globSync('*.md', { cwd: GUIDE }).flatMap((page) => snippetsOf(page))
const tls = await (await testAuthority()).issue('echo.example.com')

test('the guide shows snippets of every sort', () => {
  assert.ok(snippets.filter(({ place }) => place === undefined).length > 10)
  assert.ok(snippets.filter(({ place }) => place !== undefined).length > 30)
})

for (const snippet of snippets) {
  test(`${snippet.source} works as it is written`, () => {
    assert.deepEqual(mistakesOf(snippet), [])
  })
}

test('the routing files of the examples can be served', () => {
  const files = globSync('examples/proxy/*.yaml', { cwd: ROOT })
  assert.ok(files.length > 0)
  for (const file of files) {
    assert.deepEqual(readRoutingFile(readFileSync(join(ROOT, file), 'utf8')).findings, [], file)
  }
})

function mistakesOf({ source, text, place }: Snippet): readonly string[] {
  if (/^apiVersion:/m.test(text)) return parseAllDocuments(text).flatMap((document) => objectMistakes(document.toJS()))
  if (/^images:/m.test(text)) return decodeCatalogue(text, {}).length > 0 ? [] : ['no image']
  return readRoutingFile(wholeFile(text, place, tls)).findings.map((finding) => formatFinding(finding, source))
}

function objectMistakes(object: { readonly apiVersion: string; readonly kind: string }): readonly string[] {
  const kind = kinds.find(({ type }) => type.kind === object.kind && apiVersionOf(type) === object.apiVersion)
  return kind === undefined ? [`no such kind: ${object.apiVersion} ${object.kind}`] : complaints(kind, object)
}

function snippetsOf(page: string): readonly Snippet[] {
  const text = readFileSync(join(GUIDE, page), 'utf8')
  return [...fenced(text, page), ...inTables(text, page)]
}

function fenced(text: string, page: string): readonly Snippet[] {
  return [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map((match) => ({
    source: `${page}:${lineOf(text, match.index)}`,
    text: match[1] ?? '',
    place: undefined,
  }))
}

/** Tables whose second column is headed by a place of the routing file have a snippet in each code of that column. */
function inTables(text: string, page: string): readonly Snippet[] {
  let place: Place | undefined
  return text.split('\n').flatMap((line, index) => {
    const cell = line.startsWith('|') ? (line.split('|')[2] ?? '') : undefined
    if (cell === undefined) place = undefined
    const codes = [...(cell ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')
    const [heading = ''] = codes
    if (cell?.startsWith(' in `') === true && isPlace(heading)) {
      place = heading
      return []
    }
    const here = place
    return here === undefined
      ? []
      : codes.map((code) => ({ source: `${page}:${index + 1}: ${code}`, text: code, place: here }))
  })
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
