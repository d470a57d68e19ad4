/** The rules of a Release that its schema cannot say. */
import { isSameJson } from '../../kube/json-value.ts'
import type { FieldError } from '../kind.ts'
import { completeRelease } from './defaults.ts'
import type { Release, ReleaseRoute, ReleaseSpec, ReleaseTarget, ReleaseWorkload } from './types.ts'
import { checkDistinct, forbidden, invalid, notSupported, required, tooMany } from '../field-errors.ts'
import { validateStep } from './validate-step.ts'

const TARGETS_MAX = 20
const ROUTES_MAX = 20
const STEPS_MAX = 50
const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const WORKLOAD_KINDS = ['Deployment']
/** `routeKinds`: the route objects that a language can shift, as `apiVersion kind`. */
export function validateRelease(
  routeKinds: readonly string[],
  written: Release,
  before: Release | undefined,
): readonly FieldError[] {
  const release = completeRelease(written)
  const old = before === undefined ? undefined : completeRelease(before)
  return [
    ...validateTargets(release, routeKinds),
    ...validateSteps(release.spec),
    ...validateDeadline(release.spec),
    ...(old === undefined ? [] : validateUpdate(release, old)),
  ]
}

function validateTargets({ spec, metadata }: Release, routeKinds: readonly string[]): readonly FieldError[] {
  const field = 'spec.targets'
  if (spec.targets.length === 0) return [required(field, 'name at least one target')]
  if (spec.targets.length > TARGETS_MAX) return [tooMany(field, spec.targets.length, TARGETS_MAX)]
  return [
    ...spec.targets.flatMap((target, index) => validateTarget(target, `${field}[${index}]`, routeKinds)),
    ...checkDistinct(spec.targets.map(({ name }, index) => ({ value: name, field: `${field}[${index}].name` }))),
    ...checkDistinct(
      spec.targets.flatMap(({ canary }, index) => [
        { value: `${canary.kind}/${canary.name}`, field: `${field}[${index}].canary` },
      ]),
    ),
    ...checkDistinct(
      spec.targets.flatMap(({ routes }, index) =>
        routes.map((route, position) => ({
          value: routeKey(route, metadata.namespace),
          field: `${field}[${index}].routes[${position}]`,
        })),
      ),
    ),
  ]
}

function validateTarget(target: ReleaseTarget, field: string, routeKinds: readonly string[]): readonly FieldError[] {
  return [
    ...(NAME.test(target.name) ? [] : [invalid(`${field}.name`, target.name, 'must be a DNS label: a-z, 0-9 and -')]),
    ...validateWorkload(target.stable, `${field}.stable`),
    ...validateWorkload(target.canary, `${field}.canary`),
    ...(target.stable.kind === target.canary.kind && target.stable.name === target.canary.name
      ? [invalid(`${field}.canary.name`, target.canary.name, 'must be another workload than stable')]
      : []),
    ...validateRoutes(target.routes, `${field}.routes`, routeKinds),
  ]
}

function validateWorkload({ kind, name }: ReleaseWorkload, field: string): readonly FieldError[] {
  return [
    ...(WORKLOAD_KINDS.includes(kind) ? [] : [notSupported(`${field}.kind`, kind, WORKLOAD_KINDS)]),
    ...(name === '' ? [required(`${field}.name`)] : []),
  ]
}

function validateRoutes(
  routes: readonly ReleaseRoute[],
  field: string,
  routeKinds: readonly string[],
): readonly FieldError[] {
  if (routes.length === 0) return [required(field, 'name at least one object that carries the traffic')]
  if (routes.length > ROUTES_MAX) return [tooMany(field, routes.length, ROUTES_MAX)]
  return routes.flatMap((route, index) => {
    const what = `${route.apiVersion} ${route.kind}`
    return [
      ...(routeKinds.includes(what) ? [] : [notSupported(`${field}[${index}].kind`, what, routeKinds)]),
      ...(route.name === '' ? [required(`${field}[${index}].name`)] : []),
    ]
  })
}

function validateSteps({ steps }: ReleaseSpec): readonly FieldError[] {
  if (steps.length === 0) return [required('spec.steps', 'name at least one step')]
  if (steps.length > STEPS_MAX) return [tooMany('spec.steps', steps.length, STEPS_MAX)]
  return [
    ...steps.flatMap((step, index) => validateStep(step, `spec.steps[${index}]`)),
    ...checkDistinct(steps.map(({ name }, index) => ({ value: name ?? '', field: `spec.steps[${index}].name` }))),
    ...validateRising(steps.map(({ weight }) => weight)),
  ]
}

/** A share that falls would take the canary away from people who have it; that is what a rollback is for. */
function validateRising(weights: readonly (number | undefined)[]): readonly FieldError[] {
  let highest = -Infinity
  return weights.flatMap((weight, index) => {
    if (weight === undefined) return []
    const before = highest
    highest = Math.max(highest, weight)
    return weight >= before
      ? []
      : [invalid(`spec.steps[${index}].weight`, weight, `must not be below the ${before} of an earlier step`)]
  })
}

function validateDeadline({ progressDeadlineSeconds }: ReleaseSpec): readonly FieldError[] {
  if (progressDeadlineSeconds === undefined || progressDeadlineSeconds >= 1) return []
  return [invalid('spec.progressDeadlineSeconds', progressDeadlineSeconds, 'must be at least 1')]
}

/** What must not change while traffic stands on it. */
function validateUpdate(release: Release, old: Release): readonly FieldError[] {
  const phase = old.status?.phase
  if (phase === undefined || phase === 'Pending') return []
  // One that was taken back may be repaired, and starts over; while it still cleans up, its targets stay.
  if (phase === 'RolledBack' && (old.metadata.finalizers ?? []).length === 0) return []
  if (phase === 'Succeeded' && !isSameJson(release.spec, old.spec)) {
    return [forbidden('spec', `the release has ended (${phase}); create another Release`)]
  }
  if (isSameJson(release.spec.targets, old.spec.targets)) return []
  return [forbidden('spec.targets', 'cannot change while the release is in progress; abort it and create another')]
}

function routeKey({ apiVersion, kind, namespace, name }: ReleaseRoute, ownNamespace: string | undefined): string {
  return `${apiVersion} ${kind} ${namespace ?? ownNamespace ?? ''}/${name}`
}
