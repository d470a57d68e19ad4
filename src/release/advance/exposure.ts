/**
 * How much traffic a version may get. The rules that keep requests safe are here, in one place: no weight rises on a
 * version without a ready endpoint, none rises above the share of pods that are ready for it, and a canary without
 * endpoints gets nothing while stable can serve.
 */
import { assertNever } from '../../base/assert.ts'
import type { Effect, Plan, RouteForm, RouteWorld, Shift } from '../model.ts'
import { NO_SHIFT, isSameShift } from '../model.ts'
import { readyOf, replicasOf, stepOf } from './scene.ts'
import type { Target } from './scene.ts'

/** Ready canary pods that a share of `weight` percent takes. */
export function podsFor({ plan, baseline }: Target, weight: number): number {
  if (plan.scaling === 'Manual') return 1
  return Math.max(1, Math.ceil(((baseline?.stableReplicas ?? 1) * weight) / 100))
}

export function hasCanary({ world }: Target): boolean {
  return readyOf(world.canary) > 0
}

export function hasStable({ world }: Target): boolean {
  return readyOf(world.stable) > 0
}

/** Both versions are deleted, with their namespace for instance: no share of the traffic could be answered. */
export function isGone({ world }: Target): boolean {
  return world.stable.kind === 'missing' && world.canary.kind === 'missing'
}

/**
 * What a target's routes should say during step `index`: the step's shift as soon as there are pods for it, until then
 * the highest earlier one that they can carry. A share that is already there is kept while a single pod is left: pods
 * come back, and taking people off the canary is a failure's business. Undefined: leave everything as it is.
 */
export function wantedShift(plan: Plan, target: Target, index: number, mayRaise: boolean): Shift | undefined {
  if (!hasCanary(target)) return hasStable(target) ? NO_SHIFT : undefined
  const shareMin = lowestShare(target)
  const ready = readyOf(target.world.canary)
  for (let candidate = index; candidate >= 0; candidate--) {
    const { shift } = stepOf(plan, candidate)
    const isThere = shift.canaryWeight > 0 && shareMin >= shift.canaryWeight
    const canRise = (candidate < index || mayRaise) && ready >= podsFor(target, shift.canaryWeight)
    if (isThere || canRise) return shift
  }
  return NO_SHIFT
}

function lowestShare({ world }: Target): number {
  const shares = world.routes.map((route) => (route.kind === 'present' ? route.shareMin : 0))
  return shares.length === 0 ? 0 : Math.min(...shares)
}

/** The writes that give all routes of a target this form, as far as they are safe now. */
export function shapeRoutes(target: Target, form: RouteForm): readonly Effect[] {
  return target.world.routes.flatMap((route, index) => {
    if (route.kind !== 'present' || isShaped(route, form) || !isSafe(target, route, form)) return []
    // What this release never touched needs no word that it gets nothing.
    if (!route.isClaimed && route.form === null && isNothing(form) && route.shareMax === 0) return []
    return [{ kind: 'shape-route' as const, target: target.index, route: index, form }]
  })
}

export function isShaped(route: RouteWorld, form: RouteForm): boolean {
  if (route.kind !== 'present' || !route.isClaimed || route.form === null) return false
  return isSameForm(route.form, form)
}

export function isSameForm(left: RouteForm, right: RouteForm): boolean {
  if (left.kind === 'promoted' || right.kind === 'promoted') return left.kind === right.kind
  return isSameShift(left.shift, right.shift)
}

/** Every route has the form and every data plane has acknowledged it. */
export function isLive(target: Target, form: RouteForm): boolean {
  return target.world.routes.every((route) => isShaped(route, form) && route.kind === 'present' && route.isProgrammed)
}

function isSafe(target: Target, route: RouteWorld & { kind: 'present' }, form: RouteForm): boolean {
  const weight = form.kind === 'promoted' ? 100 : form.shift.canaryWeight
  const raisesCanary = weight > route.shareMin || (form.kind === 'shift' && form.shift.matches.length > 0)
  const raisesStable = weight < route.shareMax
  return (!raisesCanary || hasCanary(target)) && (!raisesStable || hasStable(target) || isGone(target))
}

function isNothing(form: RouteForm): boolean {
  return form.kind === 'shift' && isSameShift(form.shift, NO_SHIFT)
}

/** Scales a side up to at least `replicas`; never down. */
export function scaleUp(target: Target, side: 'stable' | 'canary', replicas: number): readonly Effect[] {
  const workload = target.world[side]
  if (workload.kind === 'missing' || replicasOf(workload) >= replicas) return []
  return [{ kind: 'scale', target: target.index, side, replicas }]
}

/** Why the routes of a target are not live with a form; undefined when they are. */
export function routeObstacle(target: Target, form: RouteForm): string | undefined {
  for (const [index, route] of target.world.routes.entries()) {
    const name = target.plan.routes[index] ?? 'route'
    const obstacle = obstacleOf(route, name, form)
    if (obstacle !== undefined) return obstacle
  }
  return undefined
}

function obstacleOf(route: RouteWorld, name: string, form: RouteForm): string | undefined {
  switch (route.kind) {
    case 'missing':
      return `${name} does not exist`
    case 'held':
      return `${name} is held by release ${route.by}`
    case 'unfit':
      return `${name} cannot carry the shift: ${route.reason}`
    case 'present':
      if (route.rejection !== undefined) return `${name} is not accepted: ${route.rejection}`
      if (!isShaped(route, form)) return `${name} is being written`
      return route.isProgrammed ? undefined : `the proxies have not yet acknowledged ${name}`
    default:
      return assertNever(route, 'route')
  }
}
