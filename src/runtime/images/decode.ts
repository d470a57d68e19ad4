/** Reads an images.yaml: `images: [{ image, entrypoint, args?, env?, workingDir?, programs? }]`. */
import { parse } from 'yaml'
import { expand } from '../pod/expand.ts'
import { parseImage } from './reference.ts'
import type { ImageReference } from './reference.ts'

/** What an image is, seen by the runtime: the program and its defaults. */
export interface ImageCommand {
  /** The image's full name, with registry and tag. */
  readonly image: string
  readonly entrypoint: readonly string[]
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly workingDir: string | undefined
  /** Programs inside the image by the path a manifest's `command` may name: `/http-echo` → words. */
  readonly programs: Readonly<Record<string, readonly string[]>>
}

export interface CatalogueEntry {
  readonly reference: ImageReference
  readonly command: Omit<ImageCommand, 'image'>
}

const ENTRY_FIELDS: readonly string[] = ['image', 'entrypoint', 'args', 'env', 'workingDir', 'programs']

/** `values` are the names a catalogue may use as `$(NAME)`. Throws an Error that names the field. */
export function decodeCatalogue(text: string, values: Readonly<Record<string, string>>): readonly CatalogueEntry[] {
  const document = asRecord(parse(text) ?? {}, 'the file')
  const images = document['images'] ?? []
  if (!Array.isArray(images)) throw new Error('images: must be a list')
  return images.map((item, index) => decodeEntry(asRecord(item, `images[${index}]`), `images[${index}]`, values))
}

function decodeEntry(
  item: Readonly<Record<string, unknown>>,
  path: string,
  values: Readonly<Record<string, string>>,
): CatalogueEntry {
  const unknown = Object.keys(item).find((name) => !ENTRY_FIELDS.includes(name))
  if (unknown !== undefined) throw new Error(`${path}.${unknown}: unknown field (known: ${ENTRY_FIELDS.join(', ')})`)
  const reference = parseImage(asString(item['image'], `${path}.image`))
  if (reference === undefined) throw new Error(`${path}.image: is not an image name`)
  const words = (value: unknown, at: string): readonly string[] =>
    asStrings(value ?? [], at).map((word) => expand(word, values))
  const workingDir = item['workingDir']
  return {
    reference,
    command: {
      entrypoint: words(item['entrypoint'], `${path}.entrypoint`),
      args: words(item['args'], `${path}.args`),
      env: mapValues(item['env'], `${path}.env`, (value, at) => expand(asString(value, at), values)),
      workingDir: workingDir === undefined ? undefined : expand(asString(workingDir, `${path}.workingDir`), values),
      programs: mapValues(item['programs'], `${path}.programs`, words),
    },
  }
}

function mapValues<T>(
  value: unknown,
  path: string,
  decode: (value: unknown, path: string) => T,
): Readonly<Record<string, T>> {
  const entries = Object.entries(asRecord(value ?? {}, path))
  return Object.fromEntries(entries.map(([name, item]) => [name, decode(item, `${path}.${name}`)]))
}

function asRecord(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${path}: must be a mapping`)
  return value as Readonly<Record<string, unknown>>
}

function asString(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new Error(`${path}: must be a string`)
  return value
}

function asStrings(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value)) throw new Error(`${path}: must be a list of strings`)
  return value.map((item, index) => asString(item, `${path}[${index}]`))
}
