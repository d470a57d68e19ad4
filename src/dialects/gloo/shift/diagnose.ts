/** Why a release cannot shift the traffic of a VirtualService, before it touches it. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import type { VirtualService } from '../kinds/virtual-service.ts'
import { carriesStable, destinationsOf, shareOf } from './action.ts'
import type { Claim } from './claim.ts'
import { isSameJson } from '../../../kube/json-value.ts'
import { nameOf, pick, reaches, upstreamOf } from './subsets.ts'
import type { GlooShiftContext } from './subsets.ts'

export function diagnose(
  object: VirtualService,
  { pairs }: Claim,
  context: GlooShiftContext,
  mayHaveWeight: boolean,
): readonly Diagnostic[] {
  const routes = object.spec?.virtualHost?.routes ?? []
  const actions = routes.flatMap(({ routeAction }, index) =>
    routeAction === undefined ? [] : [{ routeAction, index }],
  )
  const owned = actions.filter(({ routeAction }) => carriesStable(routeAction, pairs))
  if (owned.length > 0) {
    return owned.flatMap(({ routeAction, index }) => {
      const share = shareOf(routeAction, pairs)
      return share === 0 || mayHaveWeight ? [] : [sharedAlready(index, share, context)]
    })
  }
  return [pairs.length === 0 ? noSubsets(object, context) : noStableRoute(object, context)]
}

function sharedAlready(index: number, share: number, { canaryName }: GlooShiftContext): Diagnostic {
  return error(
    'canary-has-weight',
    `spec.virtualHost.routes[${index}].routeAction`,
    `Cannot take over the route: ${canaryName} already gets ${Math.round(share)} % of its traffic; give it weight 0 first`,
  )
}

/** The Upstreams that the routes name do not tell the versions apart: the nearest reason. */
function noSubsets(object: VirtualService, context: GlooShiftContext): Diagnostic {
  const used = usedUpstreams(object)
  const upstreams = context.upstreams.filter((upstream) => used.has(nameOf(upstream)))
  const reaching = upstreams.filter((upstream) => reaches(upstream, context, context.stableLabels))
  const [first] = reaching
  if (first === undefined) {
    const names = [...used].join(', ')
    return error(
      'stable-not-found',
      'spec.virtualHost.routes',
      `Cannot find ${context.stableName} behind any route: ${names === '' ? 'no route names an Upstream' : `no Upstream that the routes name (${names}) selects its pods`}`,
    )
  }
  const selectors = reaching.flatMap((upstream) => upstream.spec?.kube?.subsetSpec?.selectors ?? [])
  if (selectors.length === 0) {
    return error(
      'no-subset-selector',
      '',
      `Cannot tell ${context.stableName} and ${context.canaryName} apart: Upstream ${nameOf(first)} has no subsetSpec; add a selector with a label key that differs between their pods, such as version`,
    )
  }
  const keys = [...new Set(selectors.flatMap((selector) => selector.keys ?? []))]
  const isSame = selectors.some(({ keys: list = [] }) => {
    const [stable, canary] = [pick(context.stableLabels, list), pick(context.canaryLabels, list)]
    return stable !== undefined && canary !== undefined && isSameJson(stable, canary)
  })
  return isSame
    ? error(
        'same-subset',
        '',
        `Cannot tell ${context.stableName} and ${context.canaryName} apart: their pods have the same values of ${keys.join(', ')}; give the pod templates different ones`,
      )
    : error(
        'no-subset-label',
        '',
        `Cannot tell ${context.stableName} and ${context.canaryName} apart: their pods lack the labels ${keys.join(', ')} by which Upstream ${nameOf(first)} makes subsets; add them to both pod templates`,
      )
}

/** The subsets exist, but no route sends to the stable one. */
function noStableRoute(object: VirtualService, context: GlooShiftContext): Diagnostic {
  const routes = object.spec?.virtualHost?.routes ?? []
  const reaching = new Set(
    context.upstreams.filter((upstream) => reaches(upstream, context, context.stableLabels)).map(nameOf),
  )
  const bare = routes.findIndex(({ routeAction }) =>
    destinationsOf(routeAction ?? {}).some(
      ({ destination }) =>
        destination?.upstream !== undefined &&
        destination.subset === undefined &&
        reaching.has(upstreamOf(destination, object.metadata.namespace ?? '')),
    ),
  )
  return bare >= 0
    ? error(
        'route-without-subset',
        `spec.virtualHost.routes[${bare}].routeAction`,
        `Cannot keep ${context.canaryName} out of the route: it names no subset, so pods of every version get its traffic; add subset.values of ${context.stableName}`,
      )
    : error(
        'stable-not-found',
        'spec.virtualHost.routes',
        `Cannot find ${context.stableName} behind any route: none sends traffic to its subset`,
      )
}

function usedUpstreams(object: VirtualService): ReadonlySet<string> {
  const routes = object.spec?.virtualHost?.routes ?? []
  return new Set(
    routes.flatMap(({ routeAction }) =>
      destinationsOf(routeAction ?? {}).flatMap(({ destination }) =>
        destination?.upstream === undefined ? [] : [upstreamOf(destination, object.metadata.namespace ?? '')],
      ),
    ),
  )
}

function error(code: string, path: string, message: string): Diagnostic {
  return { severity: 'error', code, path, message }
}
