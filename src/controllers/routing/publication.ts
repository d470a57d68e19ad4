/** From the compiled objects to the data plane: publishes what changed, and knows since when each object is in it. */
import type { Clock } from '../../base/clock.ts'
import type { Compilation, Compiled } from '../../dialects/compilation.ts'
import type { DataPlane } from '../../routing/data-plane.ts'
import type { SnapshotContent } from '../../routing/merge.ts'
import type { SourceGeneration } from '../../routing/model.ts'
import type { ObjectReport } from '../../routing/part.ts'

/** What is served of an object: an acknowledged snapshot of generation `since` or later contains this `generation`. */
export interface ServedGeneration {
  readonly generation: number
  readonly since: number
}

const NO_CONTENT: SnapshotContent = { sources: [], listeners: [], routeTables: [], clusters: [] }

export class Publication {
  readonly compilation: Compilation
  readonly #dataPlane: DataPlane
  readonly #clock: Clock
  #compiled: Compiled | undefined
  #content = NO_CONTENT
  #served = new Map<string, ServedGeneration>()
  #generation = 0

  constructor(
    compilation: Compilation,
    { dataPlane, clock }: { readonly dataPlane: DataPlane; readonly clock: Clock },
  ) {
    this.compilation = compilation
    this.#dataPlane = dataPlane
    this.#clock = clock
  }

  /** By `referenceText`. */
  get reports(): ReadonlyMap<string, ObjectReport> {
    return this.#compiled?.reports ?? new Map<string, ObjectReport>()
  }

  servedOf(uid: string): ServedGeneration | undefined {
    return this.#served.get(uid)
  }

  /**
   * Compiles the objects as they are; the data plane hears of it only when something changed for it. Returns the objects of
   * which there is something new to say, by `referenceText`.
   */
  update(): { readonly changed: readonly string[]; readonly failures: Compiled['failures'] } {
    const before = this.reports
    const compiled = this.compilation.compile()
    this.#compiled = compiled
    const isPublished = this.#generation === 0 || !isSameContent(this.#content, compiled.content)
    const fresh = isPublished ? this.#publish(compiled.content) : new Set<string>()
    const changed = [...compiled.reports].filter(
      ([text, report]) => before.get(text) !== report || fresh.has(report.uid),
    )
    return { changed: changed.map(([text]) => text), failures: compiled.failures }
  }

  /** Generations begin at the time, so that they rise over a restart of this process, too. Returns whose served form is new. */
  #publish(content: SnapshotContent): ReadonlySet<string> {
    this.#content = content
    this.#generation = Math.max(this.#generation + 1, this.#clock.now())
    const fresh = new Set<string>()
    const served = new Map<string, ServedGeneration>()
    for (const { uid, generation } of content.sources) {
      const known = this.#served.get(uid)
      const isKnown = known?.generation === generation
      if (!isKnown) fresh.add(uid)
      served.set(uid, isKnown ? known : { generation, since: this.#generation })
    }
    this.#served = served
    this.#dataPlane.publish({ generation: this.#generation, ...content })
    return fresh
  }
}

/** What did not change is the same JavaScript object. */
function isSameContent(a: SnapshotContent, b: SnapshotContent): boolean {
  return (
    isSameList(a.clusters, b.clusters) &&
    isSameList(a.routeTables, b.routeTables) &&
    JSON.stringify(a.listeners) === JSON.stringify(b.listeners) &&
    a.sources.length === b.sources.length &&
    a.sources.every((source, index) => isSameSource(source, b.sources[index]))
  )
}

function isSameSource(a: SourceGeneration, b: SourceGeneration | undefined): boolean {
  return a === b || (a.uid === b?.uid && a.generation === b.generation)
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index])
}
