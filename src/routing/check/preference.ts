/** Whether new endpoints of a cluster can start slowly and near ones come first, as it asks for. */
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { Cluster } from '../cluster-model.ts'
import type { RoutingSnapshot } from '../model.ts'

import { when } from './problem.ts'
import type { Problem } from './problem.ts'

const WINDOW_MS_MAX = 2_147_483_647
const OVERPROVISIONING_MAX = 100

export function checkSlowStart({ name, slowStart, balance }: Cluster, path: string): Problem[] {
  if (slowStart === undefined) return []
  const { windowMs, aggression, minWeightShare } = slowStart
  const kind = balance?.kind ?? 'round-robin'
  const isWindow = Number.isInteger(windowMs) && windowMs >= 1 && windowMs <= WINDOW_MS_MAX
  const bad = (field: string, value: unknown, why: string): Problem => ({
    code: 'bad-slow-start',
    path: `${path}.slowStart${field}`,
    message: `Cannot start new endpoints of cluster "${name}" slowly with ${String(value)}: ${why}`,
  })
  return [
    ...when(!isWindow, bad('.windowMs', windowMs, `the window is not a whole number from 1 to ${WINDOW_MS_MAX}`)),
    ...when(!(aggression > 0), bad('.aggression', aggression, 'the aggression is not above 0')),
    ...when(
      !(minWeightShare >= 0 && minWeightShare <= 1),
      bad('.minWeightShare', minWeightShare, 'the least share is not from 0 to 1'),
    ),
    ...when(
      kind !== 'round-robin' && kind !== 'least-request',
      bad('', kind, 'only round-robin and least-request have weights that may change. Leave slowStart out'),
    ),
  ]
}

export function checkPreferLocal({ name, preferLocal }: Cluster, path: string): Problem[] {
  const factor = preferLocal?.overprovisioning ?? 1
  return when(!(factor >= 1 && factor <= OVERPROVISIONING_MAX), {
    code: 'bad-prefer-local',
    path: `${path}.preferLocal.overprovisioning`,
    message: `Cannot prefer near endpoints of cluster "${name}" with overprovisioning ${factor}: it is not from 1 to ${OVERPROVISIONING_MAX}`,
  })
}

/** A warning for the first such cluster: all its endpoints would be alike. */
export function nowhereNear({ locality, clusters }: RoutingSnapshot): Diagnostic[] {
  if (locality !== undefined) return []
  const index = clusters.findIndex(({ preferLocal }) => preferLocal !== undefined)
  const cluster = clusters[index]
  if (cluster === undefined) return []
  return [
    {
      severity: 'warning',
      code: 'no-locality',
      path: `clusters[${index}].preferLocal`,
      message: `Cannot prefer near endpoints of cluster "${cluster.name}": it is not known where the data plane runs. Set the snapshot's locality`,
    },
  ]
}
