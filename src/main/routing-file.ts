/** A routing file as it is on disk now: read again when it changes, each good version with the next generation. */
import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import { formatFinding, readRoutingFile } from '../routing/file.ts'
import type { RoutingSnapshot } from '../routing/model.ts'

/** Editors write in several steps: the file is read when it has been quiet for so long. */
const QUIET_MS = 50

/** What came of one reading. */
export type Reading =
  | { readonly kind: 'good'; readonly snapshot: RoutingSnapshot; readonly warnings: readonly string[] }
  | { readonly kind: 'bad'; readonly problems: readonly string[] }

export interface RoutingFileOptions {
  /** Absolute path. */
  readonly file: string
  /** What messages call it. */
  readonly source: string
  readonly clock: Clock
}

export class RoutingFileReader {
  readonly #options: RoutingFileOptions
  #text: string | undefined
  #generation = 0

  constructor(options: RoutingFileOptions) {
    this.#options = options
  }

  /** Undefined when nothing has changed since the last reading. */
  async read(): Promise<Reading | undefined> {
    const { file, source } = this.#options
    let text: string
    try {
      text = await readFile(file, 'utf8')
    } catch (error) {
      this.#text = undefined
      return { kind: 'bad', problems: [`Cannot read "${source}": ${messageOf(error)}`] }
    }
    if (text === this.#text) return undefined
    this.#text = text
    const { snapshot, findings } = readRoutingFile(text)
    const found = findings.map((finding) => formatFinding(finding, source))
    if (snapshot === undefined) return { kind: 'bad', problems: found }
    return { kind: 'good', snapshot: { ...snapshot, generation: ++this.#generation }, warnings: found }
  }

  /**
   * Calls `onChange` when the file may have changed, until the signal aborts. It watches the folder: editors put a new file
   * in the old one's place, and Kubernetes swaps a link beside it.
   */
  watch(onChange: () => void, signal: AbortSignal): void {
    let quiet: Timer | undefined
    const watcher = watch(dirname(this.#options.file), { signal }, () => {
      quiet?.cancel()
      quiet = this.#options.clock.after(QUIET_MS, onChange)
    })
    // The folder is gone: SIGHUP still reads the file again.
    watcher.on('error', () => watcher.close())
    signal.addEventListener('abort', () => quiet?.cancel(), { once: true })
  }
}
