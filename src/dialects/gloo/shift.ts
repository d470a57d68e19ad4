/**
 * A release's hand in a Gloo VirtualService: which of its routes carry the stable version, and how they share their
 * traffic with the canary. Stable and canary are subsets of one Upstream, told apart by the labels of their pods.
 */
import { upstreams } from './kinds/upstream.ts'
import { virtualServices } from './kinds/virtual-service.ts'
import type { VirtualService } from './kinds/virtual-service.ts'
import { services } from '../../kinds/service.ts'
import type { RouteForm } from '../../release/model.ts'
import { CLAIM_ANNOTATION, FORM_ANNOTATION, ORIGINAL_ANNOTATION } from '../traffic-shift.ts'
import type { ObserveOptions, RouteShift, ShiftObservation } from '../traffic-shift.ts'
import { readClaim } from './shift/claim.ts'
import type { Claim } from './shift/claim.ts'
import { diagnose } from './shift/diagnose.ts'
import { isSameJson } from '../../kube/json-value.ts'
import { shapeRoutes, shareRange } from './shift/routes.ts'
import { glooContext, subsetPairs } from './shift/subsets.ts'
import type { GlooShiftContext } from './shift/subsets.ts'

export const glooShift: RouteShift<VirtualService> = {
  type: virtualServices,
  reads: [upstreams, services],
  observe: (object, name, context, options) => observe(object, name, glooContext(context), options),
  shape: (object, name, context, form) => shape(object, name, glooContext(context), form),
  release,
}

function observe(
  object: VirtualService,
  name: string,
  context: GlooShiftContext,
  { hasStarted }: ObserveOptions,
): ShiftObservation {
  const holder = object.metadata.annotations?.[CLAIM_ANNOTATION]
  if (holder !== undefined && holder !== name) return { kind: 'held', by: holder }
  const claim = claimOf(object, context)
  const diagnostics = holder === name ? [] : diagnose(object, claim, context, hasStarted)
  if (diagnostics.length > 0) return { kind: 'unfit', diagnostics }
  const isClaimed = holder === name && claim.form !== null
  return { kind: 'fit', isClaimed, form: formOf(object, claim), ...shareRange(routesOf(object), claim) }
}

function shape(object: VirtualService, name: string, context: GlooShiftContext, form: RouteForm): VirtualService {
  const claim = claimOf(object, context)
  const { routes, originals } = shapeRoutes(routesOf(object), claim, form)
  return {
    ...withRoutes(object, routes),
    metadata: {
      ...object.metadata,
      annotations: {
        ...object.metadata.annotations,
        [CLAIM_ANNOTATION]: name,
        [ORIGINAL_ANNOTATION]: JSON.stringify({ pairs: claim.pairs, originals }),
        [FORM_ANNOTATION]: JSON.stringify(form),
      },
    },
  }
}

function release(object: VirtualService): VirtualService {
  const { annotations = {}, ...metadata } = object.metadata
  const ours = [CLAIM_ANNOTATION, ORIGINAL_ANNOTATION, FORM_ANNOTATION]
  const rest = Object.entries(annotations).filter(([key]) => !ours.includes(key))
  return {
    ...object,
    metadata: rest.length === 0 ? metadata : { ...metadata, annotations: Object.fromEntries(rest) },
  }
}

/** What was noted when the object was taken; what it does not know is derived from the pods' labels of today. */
function claimOf(object: VirtualService, context: GlooShiftContext): Claim {
  const noted = readClaim(object)
  const known = new Set(noted.pairs.map(({ upstream, stable }) => JSON.stringify([upstream, stable])))
  const derived = subsetPairs(object.metadata.namespace ?? '', context).filter(
    ({ upstream, stable }) => !known.has(JSON.stringify([upstream, stable])),
  )
  return { ...noted, pairs: [...noted.pairs, ...derived] }
}

/** The noted form, if the routes really say it. */
function formOf(object: VirtualService, claim: Claim): RouteForm | null {
  if (claim.form === null) return null
  const routes = routesOf(object)
  return isSameJson(shapeRoutes(routes, claim, claim.form).routes, routes) ? claim.form : null
}

function routesOf({
  spec,
}: VirtualService): NonNullable<NonNullable<NonNullable<VirtualService['spec']>['virtualHost']>['routes']> {
  return spec?.virtualHost?.routes ?? []
}

function withRoutes(object: VirtualService, routes: ReturnType<typeof routesOf>): VirtualService {
  const host = object.spec?.virtualHost
  if (host === undefined) return object
  return { ...object, spec: { ...object.spec, virtualHost: { ...host, routes } } }
}
