/** From the caches to the data plane: compiles, publishes what changed, and remembers since when each object is in it. */
import type { Clock } from '../../base/clock.ts'
import { compileGloo } from '../../dialects/gloo/compile.ts'
import type { AcceptedVirtualServices, GlooInput, GlooOutput, TlsFilesByKey } from '../../dialects/gloo/compile.ts'
import type { ObjectReport } from '../../dialects/dialect.ts'
import type { DataPlane } from '../../routing/data-plane.ts'
import type { HttpPolicy, Listener } from '../../routing/listener-model.ts'
import type { RoutingSnapshot } from '../../routing/model.ts'
import { tlsProblem } from './tls-problem.ts'

/** The one listener of Gloo's gateway, and the route table that it serves. */
export const GATEWAY_LISTENER = 'gateway-http'

export interface GatewayAddress {
  readonly address: string
  /** 0: the data plane picks one. */
  readonly port: number
  /** Of the token with which requests are told how they were routed. */
  readonly debugTokenHash?: string
  /** What is told of its requests. */
  readonly telling?: Pick<HttpPolicy, 'accessLog' | 'tracing'>
}

/** What is served of an object: an acknowledged snapshot of generation `since` or later contains this `generation`. */
export interface ServedGeneration {
  readonly generation: number
  readonly since: number
}

type Content = Omit<RoutingSnapshot, 'generation'>

export class Snapshots {
  readonly #dataPlane: DataPlane
  readonly #clock: Clock
  readonly #listener: Listener
  #accepted: AcceptedVirtualServices
  #tlsFiles: TlsFilesByKey = new Map()
  #reports = new Map<string, ObjectReport>()
  #served: ReadonlyMap<string, ServedGeneration> = new Map()
  #published = ''
  #generation = 0

  constructor(
    { dataPlane, clock }: { readonly dataPlane: DataPlane; readonly clock: Clock },
    { address, port, debugTokenHash, telling = {} }: GatewayAddress,
    accepted: AcceptedVirtualServices,
  ) {
    this.#dataPlane = dataPlane
    this.#clock = clock
    const http = { ...telling, ...(debugTokenHash === undefined ? {} : { debugTokenHash }) }
    this.#listener = { id: GATEWAY_LISTENER, address, port, protocol: 'http', routeTable: GATEWAY_LISTENER, http }
    this.#accepted = accepted
  }

  /** What each VirtualService was last accepted as. */
  get accepted(): AcceptedVirtualServices {
    return this.#accepted
  }

  /** By `reportKey`. */
  get reports(): ReadonlyMap<string, ObjectReport> {
    return this.#reports
  }

  servedOf(uid: string): ServedGeneration | undefined {
    return this.#served.get(uid)
  }

  /** Compiles the present state of the caches; the data plane hears of it only when something changed for it. */
  update(input: Omit<GlooInput, 'accepted' | 'tlsFiles' | 'tlsProblem'>): void {
    const output = compileGloo({ ...input, accepted: this.#accepted, tlsFiles: this.#tlsFiles, tlsProblem })
    this.#accepted = output.accepted
    this.#tlsFiles = output.tlsFiles
    this.#reports = new Map(output.reports.map((report) => [reportKey(report.object), report]))
    this.#publish(this.#contentOf(output))
  }

  #contentOf({ virtualHosts, clusters, sources }: GlooOutput): Content {
    return {
      sources,
      listeners: [this.#listener],
      routeTables: [{ id: GATEWAY_LISTENER, virtualHosts }],
      clusters,
    }
  }

  /** Generations begin at the time, so that they rise over a restart of this process, too. */
  #publish(content: Content): void {
    const text = JSON.stringify(content)
    if (text === this.#published) return
    this.#published = text
    this.#generation = Math.max(this.#generation + 1, this.#clock.now())
    const before = this.#served
    this.#served = new Map(
      content.sources.map(({ uid, generation }) => {
        const known = before.get(uid)
        return [uid, known?.generation === generation ? known : { generation, since: this.#generation }]
      }),
    )
    this.#dataPlane.publish({ generation: this.#generation, ...content })
  }
}

/** `VirtualService/gloo-system/echo` */
export function reportKey(object: {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}): string {
  return `${object.kind}/${object.namespace}/${object.name}`
}
