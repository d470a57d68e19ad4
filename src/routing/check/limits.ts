/** Whether the limits of a cluster are numbers that can be kept to. */
import type { Cluster } from '../model.ts'

import { when } from './problem.ts'
import type { Problem } from './problem.ts'

const COUNT_MAX = 2_147_483_647

export function checkLimits({ name, limits }: Cluster, path: string): Problem[] {
  return Object.entries(limits ?? {}).flatMap(([field, value]: [string, number]) => {
    // Without any connection every request would wait for ever.
    const min = field === 'connectionsMax' ? 1 : 0
    return when(!Number.isInteger(value) || value < min || value > COUNT_MAX, {
      code: 'bad-limit',
      path: `${path}.limits.${field}`,
      message: `Cannot limit cluster "${name}" to ${field} ${value}: it is not a whole number from ${min} to ${COUNT_MAX}`,
    })
  })
}
