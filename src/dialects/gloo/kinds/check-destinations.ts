/** What is wrong with the destinations of a route. */
import type { FieldError } from '../../../kinds/kind.ts'
import { checkPort, exactlyOne, given, invalid, required } from '../../../kinds/field-errors.ts'
import { checkHeaderManipulation } from './check-headers.ts'
import type { Destination, RouteAction, WeightedDestination } from './virtual-service-schema.ts'

/** The largest weight that the routing model takes. */
const WEIGHT_MAX = 1_000_000
const TARGETS = ['single', 'multi', 'upstreamGroup', 'clusterHeader', 'dynamicForwardProxy'] as const
const BACKENDS = ['upstream', 'kube', 'consul'] as const

export function checkRouteAction(path: string, action: RouteAction): FieldError[] {
  const { single, multi } = action
  return [
    ...exactlyOne(path, given(action, TARGETS), TARGETS),
    ...(single === undefined ? [] : checkDestination(`${path}.single`, single)),
    ...(multi === undefined ? [] : checkMulti(`${path}.multi.destinations`, multi.destinations ?? [])),
  ]
}

function checkMulti(path: string, destinations: readonly WeightedDestination[]): FieldError[] {
  if (destinations.length === 0) return [required(path, 'at least one destination')]
  return [
    ...destinations.flatMap(({ destination, weight = 0, options: { headerManipulation } = {} }, index) => [
      ...checkWeight(`${path}[${index}].weight`, weight),
      ...checkHeaderManipulation(`${path}[${index}].options.headerManipulation`, headerManipulation),
      ...(destination === undefined
        ? [required(`${path}[${index}].destination`)]
        : checkDestination(`${path}[${index}].destination`, destination)),
    ]),
    ...checkSum(path, destinations),
  ]
}

function checkWeight(field: string, weight: number): FieldError[] {
  if (Number.isInteger(weight) && weight >= 0 && weight <= WEIGHT_MAX) return []
  return [invalid(field, weight, `must be between 0 and ${WEIGHT_MAX}, inclusive`)]
}

function checkSum(path: string, destinations: readonly WeightedDestination[]): FieldError[] {
  const weights = destinations.map(({ weight = 0 }) => weight)
  if (weights.some((weight) => weight !== 0)) return []
  return [invalid(path, weights, 'the weights add up to 0, so no destination would get a request; give one a weight')]
}

function checkDestination(path: string, destination: Destination): FieldError[] {
  const { upstream, kube } = destination
  return [
    ...exactlyOne(path, given(destination, BACKENDS), BACKENDS),
    ...(upstream !== undefined && isEmpty(upstream.name) ? [required(`${path}.upstream.name`)] : []),
    ...(kube !== undefined && isEmpty(kube.ref?.name) ? [required(`${path}.kube.ref.name`)] : []),
    ...(kube === undefined ? [] : checkPort(`${path}.kube.port`, kube.port)),
  ]
}

function isEmpty(text: string | undefined): boolean {
  return text === undefined || text === ''
}
