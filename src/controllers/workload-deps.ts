/** What the workload controllers are built from. */
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Informers } from '../kube/informers.ts'

export interface WorkloadDeps {
  readonly client: KubeClient
  readonly informers: Informers
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
}
