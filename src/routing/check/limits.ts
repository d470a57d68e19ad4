/** Whether the limits and the outlier detection of a cluster are numbers that can be kept to. */
import type { Cluster } from '../cluster-model.ts'

import { when } from './problem.ts'
import type { Problem } from './problem.ts'

const COUNT_MAX = 2_147_483_647

export function checkLimits({ name, limits }: Cluster, path: string): Problem[] {
  return Object.entries(limits ?? {}).flatMap(([field, value]: [string, number]) => {
    // Without any connection every request would wait for ever.
    const min = field === 'connectionsMax' ? 1 : 0
    return when(!isWhole(value, min), {
      code: 'bad-limit',
      path: `${path}.limits.${field}`,
      message: `Cannot limit cluster "${name}" to ${field} ${value}: it is not a whole number from ${min} to ${COUNT_MAX}`,
    })
  })
}

export function checkOutlier({ name, outlier }: Cluster, path: string): Problem[] {
  if (outlier === undefined) return []
  const { consecutive5xx, consecutiveGatewayErrors, ejectedShareMax, ...times } = outlier
  const counts = { consecutive5xx, consecutiveGatewayErrors }
  const bad = (field: string, value: number, why: string): Problem => ({
    code: 'bad-outlier',
    path: `${path}.outlier.${field}`,
    message: `Cannot detect outliers of cluster "${name}" with ${field} ${value}: ${why}`,
  })
  return [
    ...Object.entries(counts).flatMap(([field, value]) =>
      when(!isWhole(value, 0), bad(field, value, 'it is not a whole number from 0')),
    ),
    ...Object.entries(times).flatMap(([field, value]) =>
      when(!isWhole(value, 1), bad(field, value, 'it is not a whole number from 1')),
    ),
    ...when(
      consecutive5xx === 0 && consecutiveGatewayErrors === 0,
      bad('consecutive5xx', 0, 'nothing would be counted'),
    ),
    ...when(
      !(ejectedShareMax >= 0 && ejectedShareMax <= 1),
      bad('ejectedShareMax', ejectedShareMax, 'it is not from 0 to 1'),
    ),
  ]
}

function isWhole(value: number, min: number): boolean {
  return Number.isInteger(value) && value >= min && value <= COUNT_MAX
}
