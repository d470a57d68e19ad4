/**
 * From the text of a manifest to objects. Every mistake carries its line and column, and every field of an object can
 * be located again later, when the API refuses it. Reads YAML as kubectl does: version 1.1 booleans and octal
 * numbers, but no dates and no base-60 numbers.
 */
import { type Document, isScalar, LineCounter, parseAllDocuments, type ScalarTag, type Tags } from 'yaml'
import { type FieldPath, offsetOf, splitFieldPath } from '../../base/yaml-place.ts'
import { LINEAR_YAML, YamlValueError, yamlValue } from '../../base/yaml-value.ts'
import type { KubeObject } from '../../kube/object.ts'

/** Of one document. Aliases may multiply a small text into a huge object; this many is far beyond honest use. */
const NODES_MAX = 2_000_000

export interface Place {
  /** As the user named it; `-` for standard input. */
  readonly source: string
  /** Both from 1. */
  readonly line: number
  readonly column: number
}

export interface ManifestObject {
  readonly object: KubeObject
  readonly place: Place
  /** Where a field path (`spec.routes[0].weight`) stands; the nearest parent that exists, otherwise. */
  readonly locate: (fieldPath: string) => Place
}

interface ManifestMistake {
  readonly place: Place
  readonly message: string
}

export interface Manifest {
  readonly objects: readonly ManifestObject[]
  readonly mistakes: readonly ManifestMistake[]
}

/** Reads every document of a text, YAML or JSON; `List` objects give their items. Empty documents are skipped. */
export function parseManifest(text: string, source: string): Manifest {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    schema: 'yaml-1.1',
    merge: true,
    ...LINEAR_YAML,
    customTags: (tags) => tags.flatMap(kubernetesTag),
  })
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { source, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const objects: ManifestObject[] = []
  const mistakes: ManifestMistake[] = []
  for (const document of 'empty' in documents ? [] : documents) {
    const read = readDocument(document, placeAt)
    objects.push(...read.objects)
    mistakes.push(...read.mistakes)
  }
  return { objects, mistakes }
}

/** No dates, no base-60 numbers; and a bare `y` or `n` is a text: as a key it is far more often meant as a letter. */
function kubernetesTag(tag: Tags[number]): Tags {
  if (typeof tag === 'string') return [tag]
  if (tag.tag === 'tag:yaml.org,2002:timestamp' || tag.format === 'TIME') return []
  if (tag.tag !== 'tag:yaml.org,2002:bool' || !isScalarTag(tag)) return [tag]
  const test =
    tag.test?.test('true') === true
      ? /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/
      : /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/
  return [{ ...tag, test }]
}

type PlaceAt = (offset: number) => Place

function readDocument(document: Document.Parsed, placeAt: PlaceAt): Manifest {
  const [error] = document.errors
  if (error !== undefined) {
    const message = `Cannot read the YAML: ${lowerFirst(error.message)}`
    return { objects: [], mistakes: [{ place: placeAt(error.pos[0]), message }] }
  }
  const root = document.contents
  if (root === null || (isScalar(root) && root.value === null)) return { objects: [], mistakes: [] }
  try {
    return readValue(yamlValue(document, { nodesMax: NODES_MAX }), { document, path: [], placeAt })
  } catch (cause) {
    if (!(cause instanceof YamlValueError)) throw cause
    return {
      objects: [],
      mistakes: [{ place: placeAt(cause.offset), message: `Cannot read the YAML: ${cause.message}` }],
    }
  }
}

interface Origin {
  readonly document: Document.Parsed
  /** Of the object inside the document. */
  readonly path: FieldPath
  readonly placeAt: PlaceAt
}

function readValue(value: unknown, origin: Origin): Manifest {
  const place = placeOf(origin, [])
  const mistake = (message: string, at = place): Manifest => ({ objects: [], mistakes: [{ place: at, message }] })
  if (!isRecord(value))
    return mistake(`Cannot read the document: expected an object with apiVersion and kind, found ${nameOf(value)}`)
  const missing = ['apiVersion', 'kind'].filter((field) => typeof value[field] !== 'string' || value[field] === '')
  if (missing.length > 0) return mistake(`Cannot read the object: ${missing.join(' and ')} must be set to a text`)
  if (String(value['kind']).endsWith('List') && Array.isArray(value['items'])) return readItems(value['items'], origin)
  const metadata = value['metadata']
  if (!isRecord(metadata)) return mistake(`Cannot read the ${String(value['kind'])}: metadata.name must be set`)
  const broken = ['name', 'namespace', 'generateName'].find(
    (field) => metadata[field] !== undefined && metadata[field] !== null && typeof metadata[field] !== 'string',
  )
  if (broken !== undefined) {
    const found = nameOf(metadata[broken])
    return mistake(
      `metadata.${broken}: Invalid value: must be a text, found ${found}`,
      placeOf(origin, ['metadata', broken]),
    )
  }
  const locate = (fieldPath: string): Place => placeOf(origin, splitFieldPath(fieldPath))
  return { objects: [{ object: value as unknown as KubeObject, place, locate }], mistakes: [] }
}

function readItems(items: readonly unknown[], origin: Origin): Manifest {
  const read = items.map((item, index) => readValue(item, { ...origin, path: [...origin.path, 'items', index] }))
  return { objects: read.flatMap(({ objects }) => objects), mistakes: read.flatMap(({ mistakes }) => mistakes) }
}

function isScalarTag(tag: Exclude<Tags[number], string>): tag is ScalarTag {
  return tag.collection === undefined
}

/** The place of the deepest part of the path that the document has. */
function placeOf({ document, path, placeAt }: Origin, fieldPath: FieldPath): Place {
  return placeAt(offsetOf(document, [...path, ...fieldPath]))
}

export function formatPlace({ source: name, line, column }: Place): string {
  return `${name === '-' ? 'standard input' : name}:${line}:${column}`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function nameOf(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `the ${typeof value} ${JSON.stringify(value)}`
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text[0]?.toLowerCase() + text.slice(1) : text
}
