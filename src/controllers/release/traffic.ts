/**
 * Who really answered, held against what the routes say. The two differ where a version has no ready endpoint and the
 * Upstream's fallback sends its requests on, or where requests reach the pods in another way.
 */
import { isSameJson } from '../../kube/json-value.ts'
import type { ObjectKey } from '../../kube/object.ts'
import type { Release, ReleaseStatus } from '../../kinds/release.ts'
import type { MetricsSource, Plan, TargetWorld, WorkloadWorld, World } from '../../release/model.ts'

/** How far back requests count, never before the routes said what they say now. */
const WINDOW_MS = 60_000
/** Requests that began before the routes changed may end so much later and still count for them. */
const SETTLE_MS = 2_000
/** How often the requests are counted again while a release has not ended. */
export const TRAFFIC_INTERVAL_MS = 5_000
/** A split is exact to within two requests for each route and proxy; more proxies than this are not thought of. */
const OFF_BY_MAX = 2
const PROXIES_MAX = 4

export type ReleaseTraffic = NonNullable<ReleaseStatus['traffic']>

/** What the routes of one target say: lowest and highest share of the canary, and whether some requests are matched. */
interface Configured {
  readonly low: number
  readonly high: number
  readonly hasMatches: boolean
}

/** Remembers since when the routes have said what they say; after a restart of control, since then. */
export class TrafficObserver {
  readonly #since = new Map<ObjectKey, { readonly said: unknown; readonly sinceMs: number }>()

  forget(key: ObjectKey): void {
    this.#since.delete(key)
  }

  /** What to add to the configured shares of the status; nothing where the requests follow them. */
  observe(
    key: ObjectKey,
    { release, plan, world, metrics, nowMs }: TrafficScene,
  ): Pick<ReleaseTraffic, 'observed' | 'reason'> {
    const configured = world.targets.map(configuredOf)
    const sinceMs = this.#sinceMs(key, [configured, world.targets.map(whoIsReady)], nowMs)
    for (const [index, target] of world.targets.entries()) {
      const [said, names, spec] = [configured[index], plan.targets[index], release.spec.targets[index]]
      if (said === undefined || names === undefined || spec === undefined) continue
      const missing = whoIsMissing(said, target, names)
      // Only where the split is held to its exactness does it matter what was on its way before.
      const fromMs = Math.max(nowMs - WINDOW_MS, missing === undefined ? sinceMs + SETTLE_MS : sinceMs)
      const served = (name: string): number =>
        fromMs >= nowMs ? 0 : metrics({ namespace: release.metadata.namespace ?? '', name }, fromMs, nowMs).requests
      const counts = { stable: served(spec.stable.name), canary: served(spec.canary.name) }
      const found = compare({ said, target, counts, missing, stable: names.stable, canary: names.canary })
      if (found !== undefined) return found
    }
    return {}
  }

  #sinceMs(key: ObjectKey, said: unknown, nowMs: number): number {
    const before = this.#since.get(key)
    if (before !== undefined && isSameJson(before.said, said)) return before.sinceMs
    this.#since.set(key, { said, sinceMs: nowMs })
    return nowMs
  }
}

export interface TrafficScene {
  readonly release: Release
  readonly plan: Plan
  readonly world: World
  readonly metrics: MetricsSource
  readonly nowMs: number
}

interface Comparison {
  readonly said: Configured
  readonly target: TargetWorld
  readonly counts: { readonly stable: number; readonly canary: number }
  /** The side that has a share and no pod. */
  readonly missing: string | undefined
  readonly stable: string
  readonly canary: string
}

function compare({
  said,
  target,
  counts,
  missing,
  stable,
  canary,
}: Comparison): Pick<ReleaseTraffic, 'observed' | 'reason'> | undefined {
  const total = counts.stable + counts.canary
  const canaryWeight = total === 0 ? undefined : Math.round((100 * counts.canary) / total)
  const observed = canaryWeight === undefined ? {} : { observed: { stableWeight: 100 - canaryWeight, canaryWeight } }
  if (missing !== undefined) {
    const happens =
      'its requests go on to other pods where the fallback policy of an Upstream says so, and fail elsewhere'
    return { ...observed, reason: `${missing} has no ready endpoint: ${happens}` }
  }
  const offBy = OFF_BY_MAX * PROXIES_MAX * target.routes.length
  const tooFew = counts.canary < (total * said.low) / 100 - offBy
  const tooMany = !said.hasMatches && counts.canary > (total * said.high) / 100 + offBy
  if (!tooFew && !tooMany) return undefined
  const how = 'other routes, retries and requests that began before the routes changed count, too'
  return { ...observed, reason: `more requests than its share reached ${tooMany ? canary : stable}: ${how}` }
}

/** The side that should have requests and has no pod for them. */
function whoIsMissing(
  { low, high }: Configured,
  { stable, canary }: TargetWorld,
  names: { readonly stable: string; readonly canary: string },
): string | undefined {
  if (stable.kind === 'present' && stable.ready === 0 && low < 100) return names.stable
  if (canary.kind === 'present' && canary.ready === 0 && high > 0) return names.canary
  return undefined
}

function configuredOf({ routes }: TargetWorld): Configured {
  const present = routes.filter((route) => route.kind === 'present')
  return {
    low: Math.min(100, ...present.map(({ shareMin }) => shareMin)),
    high: Math.max(0, ...present.map(({ shareMax }) => shareMax)),
    hasMatches: present.some(({ form }) => form?.kind === 'shift' && form.shift.matches.length > 0),
  }
}

function whoIsReady({ stable, canary }: TargetWorld): readonly boolean[] {
  return [stable, canary].map((one: WorkloadWorld) => one.kind === 'present' && one.ready > 0)
}
