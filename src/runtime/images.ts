/**
 * The image catalogue: which program stands for a container image. The shipped catalogue lies beside the programs
 * in examples/apps; a user's own `images.yaml` extends it and wins over it. Files are read again when they change,
 * so that a missing image can be mapped while its pod waits.
 */
import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { codeOf } from '../base/errors.ts'
import { fileProblem } from '../base/file-problem.ts'
import { decodeCatalogue } from './images/decode.ts'
import { formatImage, imageFit, parseImage } from './images/reference.ts'
import type { CatalogueEntry, ImageCommand } from './images/decode.ts'
import type { ImageReference } from './images/reference.ts'

export type { ImageCommand }

type ImageLookup =
  | { readonly kind: 'found'; readonly command: ImageCommand }
  | { readonly kind: 'invalid-name'; readonly message: string }
  /** `message` says how to map the image. */
  | { readonly kind: 'unknown'; readonly message: string }

export interface ImageCatalogue {
  lookup(image: string): ImageLookup
}

export interface ImageCatalogueOptions {
  /** The user's catalogues, later ones win. A file may be absent until it is needed. */
  readonly files: readonly string[]
  /** A folder for caches of the programs: `$(CACHE)` in a catalogue. */
  readonly cacheDir: string
  /** Told about a catalogue that cannot be read; its last good content stays in use. */
  readonly onError?: (error: Error) => void
}

const SHIPPED = fileURLToPath(new URL('../../examples/apps/images.yaml', import.meta.url))
/** A larger catalogue is a mistake, not a catalogue. */
const CATALOGUE_BYTES_MAX = 1024 * 1024

export function openImageCatalogue({ files, cacheDir, onError }: ImageCatalogueOptions): ImageCatalogue {
  const sources = [SHIPPED, ...files].map((file) => new CatalogueFile(file, cacheDir, onError))
  const cure = files.at(-1)
  return {
    lookup(image) {
      const reference = parseImage(image)
      if (reference === undefined) {
        return { kind: 'invalid-name', message: `Cannot parse the image name "${image}"` }
      }
      const entry = bestEntry(
        sources.flatMap((source) => source.entries()),
        reference,
      )
      if (entry === undefined) return { kind: 'unknown', message: unknownImage(image, cure) }
      return { kind: 'found', command: { ...entry.command, image: formatImage(reference) } }
    },
  }
}

/** Throws when the file cannot be read, or is no catalogue; what it throws names the file. */
export function checkImageCatalogue(file: string): void {
  new CatalogueFile(file, '', (error) => {
    throw error
  }).entries()
}

/** The best fit; of equals the last, so that the user's catalogue wins. */
function bestEntry(entries: readonly CatalogueEntry[], image: ImageReference): CatalogueEntry | undefined {
  let best: { readonly entry: CatalogueEntry; readonly fit: number } | undefined
  for (const entry of entries) {
    const fit = imageFit(entry.reference, image)
    if (fit !== undefined && (best === undefined || fit >= best.fit)) best = { entry, fit }
  }
  return best?.entry
}

function unknownImage(image: string, file: string | undefined): string {
  const where = file === undefined ? 'an image catalogue (images.yaml)' : file
  return (
    `Cannot run the image "${image}": pods are local processes, and no catalogue says which program stands for it. ` +
    `Map it in ${where}: images: [{ image: ${image}, entrypoint: [/path/to/program] }]`
  )
}

/** One file, read again when its time or size changed. */
class CatalogueFile {
  readonly #file: string
  readonly #cacheDir: string
  readonly #onError: ((error: Error) => void) | undefined
  #version = ''
  #entries: readonly CatalogueEntry[] = []

  constructor(file: string, cacheDir: string, onError: ((error: Error) => void) | undefined) {
    this.#file = file
    this.#cacheDir = cacheDir
    this.#onError = onError
  }

  entries(): readonly CatalogueEntry[] {
    const version = this.#stat()
    if (version !== this.#version) {
      this.#version = version
      this.#read(version === '')
    }
    return this.#entries
  }

  #stat(): string {
    try {
      const { mtimeMs, size } = statSync(this.#file)
      return `${mtimeMs} ${size}`
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return ''
      return 'unreadable'
    }
  }

  #read(isAbsent: boolean): void {
    if (isAbsent) {
      this.#entries = []
      return
    }
    try {
      const text = readFileSync(this.#file, 'utf8')
      if (text.length > CATALOGUE_BYTES_MAX) throw new Error(`it is larger than ${CATALOGUE_BYTES_MAX} bytes`)
      const values = { NODE: process.execPath, DIR: dirname(this.#file), CACHE: this.#cacheDir }
      this.#entries = decodeCatalogue(text, values)
    } catch (error) {
      const [why = ''] = fileProblem(error).split(/:?\n/)
      this.#onError?.(new Error(`Cannot read the image catalogue "${this.#file}": ${why}`, { cause: error }))
    }
  }
}
