/**
 * All languages together: from the objects as they are now to one snapshot, at the cost of what changed. A language that fails
 * keeps its last part, and costs the others nothing.
 */
import type { Merged } from '../routing/merge.ts'
import { createMerge } from '../routing/merge.ts'
import { NOTHING_CLAIMED } from '../routing/part.ts'
import type { Claimant, ListenerClaim, RoutingPart } from '../routing/part.ts'
import { resourceName } from '../kube/object.ts'
import { Backends } from './backends.ts'
import { LastGoodRecords } from './last-good.ts'
import type { Accepted } from './last-good.ts'
import { ObjectStore } from './objects.ts'
import type { Watch } from './objects.ts'
import type { Compiler, DialectContext, RoutingDialect } from './routing-dialect.ts'

export interface CompilationOptions {
  readonly dialects: readonly RoutingDialect[]
  readonly judgeTls: DialectContext['judgeTls']
  /** Listeners that are there whatever the objects say. */
  readonly listeners: readonly ListenerClaim[]
  /** What was accepted before. */
  readonly accepted?: Iterable<Accepted>
}

export interface Compiled extends Merged {
  /** Languages that failed, and why: an error of ours. Their last part is in the result. */
  readonly failures: readonly { readonly dialect: string; readonly error: unknown }[]
}

export class Compilation {
  readonly objects: ObjectStore
  readonly lastGood: LastGoodRecords
  readonly #merge = createMerge()
  readonly #own: RoutingPart
  /** Claimants that were served before: what is kept of them is. */
  readonly #remembered = new WeakSet<Claimant>()
  readonly #members: readonly { readonly name: string; readonly compiler: Compiler; last: RoutingPart }[]

  constructor({ dialects, judgeTls, listeners, accepted = [] }: CompilationOptions) {
    this.objects = new ObjectStore(watchesOf(dialects))
    this.lastGood = new LastGoodRecords(this.objects.derivations, accepted)
    this.#own = { ...NOTHING_CLAIMED, listeners }
    const context = { objects: this.objects, backends: new Backends(this.objects), lastGood: this.lastGood }
    this.#members = dialects.map((dialect) => ({
      name: dialect.name,
      compiler: dialect.open({ ...context, judgeTls }),
      last: NOTHING_CLAIMED,
    }))
  }

  compile(): Compiled {
    const failures: Compiled['failures'][number][] = []
    for (const member of this.#members) {
      try {
        member.last = member.compiler.compile()
      } catch (error) {
        failures.push({ dialect: member.name, error })
      }
    }
    const merged = this.#merge([this.#own, ...this.#members.map(({ last }) => last)])
    this.#remember(merged)
    return { ...merged, failures }
  }

  /** What is served now is what a later form falls back to. */
  #remember({ served, reports }: Merged): void {
    for (const claimant of served) {
      if (this.#remembered.has(claimant)) continue
      this.#remembered.add(claimant)
      const { uid, generation, ...object } = claimant.source
      this.lastGood.accept({ object, uid, generation, record: claimant.record })
    }
    for (const text of this.lastGood.entries().keys()) if (!reports.has(text)) this.lastGood.forget(text)
  }
}

/** Each type once. */
export function watchesOf(dialects: readonly RoutingDialect[]): readonly Watch[] {
  const all = dialects.flatMap(({ watches }) => watches)
  return [...new Map(all.map((watch) => [resourceName(watch.type), watch])).values()]
}
