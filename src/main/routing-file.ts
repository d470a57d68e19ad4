/** A routing file as it is on disk now: read again when it changes, each good version with the next generation. */
import { readFile } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import { fileProblem } from '../base/file-problem.ts'
import { formatFinding, readRoutingFile } from '../routing/file.ts'
import type { RoutingSnapshot } from '../routing/model.ts'
import { stampOf, watchFile } from './file-watch.ts'

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
  #stamp = ''
  #text: string | undefined
  /** What was read last, until it is settled. */
  #reading: Reading | undefined
  #generation = 0

  constructor(options: RoutingFileOptions) {
    this.#options = options
  }

  /** Undefined when nothing has changed since the last reading that was settled. */
  async read(): Promise<Reading | undefined> {
    const { file } = this.#options
    this.#stamp = await stampOf(file)
    try {
      const text = await readFile(file, 'utf8')
      if (text === this.#text) return this.#reading
      this.#text = text
      this.#reading = this.#readingOf(text)
    } catch (error) {
      this.#text = undefined
      this.#reading = { kind: 'bad', problems: [`Cannot read "${this.#options.source}": ${fileProblem(error)}`] }
    }
    return this.#reading
  }

  /** What was read last is served, or never can be. */
  settle(): void {
    if (this.#text !== undefined) this.#reading = undefined
  }

  nextGeneration(): number {
    return ++this.#generation
  }

  /** Calls `onChange` when the file may be worth reading again, until the signal aborts. */
  watch(onChange: () => void, signal: AbortSignal): void {
    const { file, clock } = this.#options
    const known = (): string => this.#stamp
    watchFile({ file, clock, signal, onChange, known, isDue: () => this.#reading !== undefined })
  }

  #readingOf(text: string): Reading {
    const { snapshot, findings } = readRoutingFile(text)
    const found = findings.map((finding) => formatFinding(finding, this.#options.source))
    if (snapshot === undefined) return { kind: 'bad', problems: found }
    return { kind: 'good', snapshot: { ...snapshot, generation: this.nextGeneration() }, warnings: found }
  }
}
