/** The shapes of a ReplicaSet, from its schemas. */
import type { KubeObject } from '../../kube/object.ts'
import type { Infer } from '../schema.ts'
import type { replicaSetSpec, replicaSetStatus } from './spec.ts'

type ReplicaSetSpec = Infer<typeof replicaSetSpec>
export type ReplicaSetStatus = Infer<typeof replicaSetStatus>

export interface ReplicaSet extends KubeObject {
  readonly spec: ReplicaSetSpec
  readonly status?: ReplicaSetStatus
}
