/**
 * What is told to a client that may ask how its request was routed, in headers of the response: `x-sluice-route`, `-origin`,
 * `-destination`, `-endpoint` and `-why`. Made for such requests only.
 */
import type { PreparedTable } from '../../routing/decide.ts'
import { explainRoute } from '../../routing/explain.ts'
import type { RouteExplanation } from '../../routing/explain.ts'
import { originText } from '../../routing/explanation.ts'
import type { ForwardAction, Route } from '../../routing/route-model.ts'
import type { RequestView } from '../../routing/match.ts'
import { prepareHeadEdit } from '../policy/head-edit.ts'
import type { HeadEdit } from '../policy/head-edit.ts'

const VALUE_CHARACTERS_MAX = 256
const WHY_CHARACTERS_MAX = 1_024

const GAP = '...'
const NAMES = ['route', 'origin', 'destination', 'endpoint', 'why'] as const

export class DecisionTrail {
  readonly #decision: RouteExplanation
  #destination = ''
  #choice = ''

  constructor(table: PreparedTable, request: RequestView) {
    this.#decision = explainRoute(table, request)
  }

  /** Which of the route's destinations was picked. */
  onDestination({ destinations, affinity }: ForwardAction, index: number): void {
    const picked = destinations[index]
    if (picked === undefined) return
    const sum = destinations.reduce((total, { weight }) => total + weight, 0)
    this.#destination = picked.kind === 'cluster' ? picked.cluster : `invalid: ${picked.reason}`
    const by = affinity === undefined ? 'the exact sequence' : 'affinity'
    this.#choice = `weight ${picked.weight} of ${sum} by ${by}`
  }

  /** For the response. Endpoints cannot speak in our name. `endpoint`: the last one that was tried. */
  edit(endpoint: string | undefined): HeadEdit | null {
    const { taken } = this.#decision
    const values: Readonly<Record<(typeof NAMES)[number], string>> = {
      route: taken === null ? 'none' : taken.id,
      origin: taken === null ? '' : originText(taken.origin),
      destination: this.#destination === '' ? ownAnswerOf(taken) : this.#destination,
      endpoint: endpoint ?? '',
      why: this.#why(),
    }
    const said = NAMES.filter((name) => values[name] !== '')
    const set = said.map((name) => ({
      name: `x-sluice-${name}`,
      value: headerText(values[name], charactersMaxOf(name)),
    }))
    return prepareHeadEdit({ remove: [], set, add: [] })
  }

  /** What comes last is most worth knowing, so of many routes that were passed over the first ones are left out. */
  #why(): string {
    const { host, considered, taken } = this.#decision
    const first =
      host === null ? 'no virtual host for this host' : `host ${host.virtualHost} by ${host.domain} (${host.kind})`
    const passed = considered.flatMap(({ route, failed }) =>
      failed === undefined ? [] : [`passed ${route}: ${failed.text}`],
    )
    const match = considered.at(-1)?.match ?? ''
    const last = [...(taken === null ? [] : [`taken by ${match}`]), ...(this.#choice === '' ? [] : [this.#choice])]
    const room = WHY_CHARACTERS_MAX - [first, GAP, ...last, ''].join('; ').length
    const kept = lastThatFit(passed, room)
    return [first, ...(kept.length < passed.length ? [GAP] : []), ...kept, ...last].join('; ')
  }
}

/** Where a forwarding route has picked nothing, its policy has answered. */
function ownAnswerOf(taken: Route | null): string {
  return taken === null || taken.action.kind === 'forward' ? '' : taken.action.kind
}

/** From the end on, each with its separator. */
function lastThatFit(texts: readonly string[], room: number): readonly string[] {
  let left = room
  const tooMany = texts.findLastIndex((text) => (left -= text.length + 2) < 0)
  return texts.slice(tooMany + 1)
}

function charactersMaxOf(name: (typeof NAMES)[number]): number {
  return name === 'why' ? WHY_CHARACTERS_MAX : VALUE_CHARACTERS_MAX
}

/** Visible ASCII and blanks. */
function headerText(text: string, charactersMax: number): string {
  return text
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, charactersMax)
    .trim()
}
