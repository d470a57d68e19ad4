/** The owned routes of a VirtualService: found, given a form, and brought back to what they were. */
import type { Destination, Route } from '../kinds/virtual-service.ts'
import type { RequestMatch, RouteForm } from '../../../release/model.ts'
import {
  destinationsOf,
  foldAction,
  shapeAction,
  shareOf,
  carriesStable,
  carriesAny,
  canaryDestination,
} from './action.ts'
import { routeKey } from './claim.ts'
import type { Claim, Original, RouteAction } from './claim.ts'
import { isSameJson } from '../../../kube/json-value.ts'
import { withMatch } from './match.ts'
import { sideOf } from './subsets.ts'
import type { SubsetPair } from './subsets.ts'

/** Routes that a release inserts carry names that begin so; nobody else's do. */
const INSERTED_PREFIX = 'sluice-release-'

export interface ShapedRoutes {
  readonly routes: readonly Route[]
  /** The owned routes' actions as they were, in order. */
  readonly originals: readonly Original[]
}

export function shapeRoutes(live: readonly Route[], claim: Claim, form: RouteForm): ShapedRoutes {
  const originals: Original[] = []
  const routes = ownedOrNot(live, claim).flatMap(({ route, original }) => {
    if (original === undefined) return [route]
    originals.push(original)
    const shaped = { ...route, routeAction: shapeAction(original.action, form, claim.pairs) }
    const canary = canaryDestination(original.action, claim.pairs)
    if (form.kind === 'promoted' || form.shift.matches.length === 0 || canary === undefined) return [shaped]
    return [matched(route, `${INSERTED_PREFIX}${originals.length}`, form.shift.matches, canary), shaped]
  })
  return { routes, originals }
}

/** The canary's lowest and highest share over the owned routes, percent. */
export function shareRange(
  live: readonly Route[],
  claim: Claim,
): { readonly shareMin: number; readonly shareMax: number } {
  const shares = ownedOrNot(live, claim).flatMap(({ route, original }) =>
    original === undefined ? [] : [shareOf(route.routeAction, claim.pairs)],
  )
  return shares.length === 0
    ? { shareMin: 0, shareMax: 0 }
    : { shareMin: Math.min(...shares), shareMax: Math.max(...shares) }
}

interface Classified {
  readonly route: Route
  /** Set for owned routes. */
  readonly original: Original | undefined
}

/** All routes but the inserted ones, the owned ones with what they were before. */
function ownedOrNot(live: readonly Route[], claim: Claim): readonly Classified[] {
  const noted = new Map<string, RouteAction[]>()
  for (const { key, action } of claim.originals) noted.set(key, [...(noted.get(key) ?? []), action])
  return live
    .filter(({ name }) => name?.startsWith(INSERTED_PREFIX) !== true)
    .map((route) => {
      const key = routeKey(route)
      const action = originalAction(route.routeAction, noted.get(key)?.shift(), claim)
      return { route, original: action === undefined ? undefined : { key, action } }
    })
}

/**
 * What the action was before the release; undefined: not this release's. A noted action holds as long as only the owned
 * weights differ from it. Where somebody changed more, their edit stays and the canary's part is folded back.
 */
function originalAction(
  live: RouteAction | undefined,
  noted: RouteAction | undefined,
  { pairs, form }: Claim,
): RouteAction | undefined {
  if (live === undefined || !carriesAny(live, pairs)) return undefined
  if (noted === undefined) return carriesStable(live, pairs) ? foldAction(live, pairs) : undefined
  const written = form === null ? noted : shapeAction(noted, form, pairs)
  const isOurs = [noted, written].some((known) => isSameJson(others(known, pairs), others(live, pairs)))
  return isOurs ? noted : foldAction(live, pairs)
}

/** The destinations that are neither stable nor canary. */
function others(action: RouteAction, pairs: readonly SubsetPair[]): readonly unknown[] {
  return destinationsOf(action).filter(({ destination }) => sideOf(destination, pairs) === undefined)
}

/** A route like the owned one, to stand before it, for the requests that always get the canary. */
function matched(route: Route, name: string, matches: readonly RequestMatch[], single: Destination): Route {
  const own = route.matchers === undefined || route.matchers.length === 0 ? [{ prefix: '/' }] : route.matchers
  const matchers = matches.flatMap((match) => own.map((matcher) => withMatch(matcher, match)))
  return { ...route, name, matchers, routeAction: { single } }
}
