/** Objects of any language, compiled as control compiles them: all at once, or one change after the other. */
import { tlsProblem } from '../../src/controllers/routing/tls-problem.ts'
import { Compilation } from '../../src/dialects/compilation.ts'
import { gloo } from '../../src/dialects/gloo/gloo.ts'
import type { Accepted } from '../../src/dialects/last-good.ts'
import type { RoutingDialect } from '../../src/dialects/routing-dialect.ts'
import type { KubeObject, ResourceType } from '../../src/kube/object.ts'
import { apiVersionOf, keyOf, resourceName } from '../../src/kube/object.ts'
import { byText, referenceText } from '../../src/routing/object-reference.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { ListenerClaim, ObjectReport } from '../../src/routing/part.ts'

export const GATEWAY: ListenerClaim = {
  claimants: [],
  listener: { id: 'gateway-http', address: '127.0.0.1', port: 0, protocol: 'http' },
  scopes: [{ kind: 'gateway', listener: 'gateway-http' }],
  path: '',
}

export interface CompiledObjects extends RoutingSnapshot {
  /** In the order of objects. */
  readonly reports: readonly ObjectReport[]
}

export interface CompileOptions {
  readonly dialects?: readonly RoutingDialect[]
  readonly accepted?: Iterable<Accepted>
}

/** A world of objects that changes; each compilation sees it as it is then. */
export class CompiledWorld {
  readonly #compilation: Compilation
  readonly #types: readonly ResourceType[]
  readonly #objects = new Map<string, KubeObject>()
  #generation = 0

  constructor({ dialects = [gloo], accepted = [] }: CompileOptions = {}) {
    this.#compilation = new Compilation({ dialects, judgeTls: tlsProblem, listeners: [GATEWAY], accepted })
    this.#types = dialects.flatMap(({ watches }) => watches).map(({ type }) => type)
  }

  /** These objects and no others. */
  become(objects: readonly KubeObject[]): this {
    const wanted = new Map(objects.flatMap((object) => this.#named(object)))
    for (const [name, object] of this.#objects) if (!wanted.has(name)) this.#put(object, undefined)
    for (const [, object] of wanted) this.#put(object, object)
    this.#objects.clear()
    for (const [name, object] of wanted) this.#objects.set(name, object)
    return this
  }

  compile(): CompiledObjects {
    const { content, reports, failures } = this.#compilation.compile()
    if (failures.length > 0) throw failures[0]?.error
    return { generation: ++this.#generation, ...content, reports: [...reports.values()].toSorted(byObject) }
  }

  get accepted(): Iterable<Accepted> {
    return this.#compilation.lastGood.all()
  }

  #named(object: KubeObject): readonly (readonly [string, KubeObject])[] {
    const type = this.#typeOf(object)
    return type === undefined ? [] : [[`${resourceName(type)} ${keyOf(object)}`, object]]
  }

  #put(object: KubeObject, now: KubeObject | undefined): void {
    const type = this.#typeOf(object)
    if (type !== undefined) this.#compilation.objects.put(type, keyOf(object), now)
  }

  #typeOf({ apiVersion, kind }: KubeObject): ResourceType | undefined {
    return this.#types.find((type) => type.kind === kind && apiVersionOf(type) === apiVersion)
  }
}

export function compileObjects(objects: readonly KubeObject[], options: CompileOptions = {}): CompiledObjects {
  return new CompiledWorld(options).become(objects).compile()
}

/** What was found, without the messages. */
export function findingsOf({ reports }: CompiledObjects): readonly string[] {
  return reports.flatMap(({ diagnostics }) =>
    diagnostics.map(({ severity, code, path }) => `${severity} ${code} ${path}`),
  )
}

function byObject(a: ObjectReport, b: ObjectReport): number {
  return byText(referenceText(a.object), referenceText(b.object))
}
