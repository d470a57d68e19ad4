/** The shapes of a Release, from its schemas. */
import type { Condition, KubeObject, ObjectMeta } from '../../kube/object.ts'
import type { Infer } from '../schema.ts'
import type { specSchema, statusSchema } from './schema.ts'

export type ReleaseSpec = Infer<typeof specSchema>
export type ReleaseStatus = Omit<Infer<typeof statusSchema>, 'conditions'> & {
  readonly conditions?: readonly Condition[]
}
export type ReleaseTarget = ReleaseSpec['targets'][number]
export type ReleaseWorkload = ReleaseTarget['stable']
export type ReleaseRoute = ReleaseTarget['routes'][number]
export type ReleaseStep = ReleaseSpec['steps'][number]
export type ReleaseMatch = NonNullable<ReleaseStep['matches']>[number]
export type ReleaseValueMatch = NonNullable<ReleaseMatch['headers']>[number]
export type ReleaseGate = NonNullable<ReleaseStep['gates']>[number]
export type ReleaseMetricsGate = NonNullable<ReleaseGate['metrics']>

export interface Release extends KubeObject {
  readonly metadata: ObjectMeta
  readonly spec: ReleaseSpec
  readonly status?: ReleaseStatus
}
