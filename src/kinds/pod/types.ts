/** The shapes of pods, from their schemas. */
import type { KubeObject } from '../../kube/object.ts'
import type { Infer } from '../schema.ts'
import type { container, containerPort } from './container.ts'
import type { envVar } from './env.ts'
import type { probe } from './probe.ts'
import type { podSpec, podTemplateSpec } from './spec.ts'
import type { containerStatus, podStatus } from './status.ts'

export type PodSpec = Infer<typeof podSpec>
export type PodStatus = Infer<typeof podStatus>
export type PodTemplateSpec = Infer<typeof podTemplateSpec>
export type Container = Infer<typeof container>
export type ContainerPort = Infer<typeof containerPort>
export type ContainerStatus = Infer<typeof containerStatus>
export type EnvVar = Infer<typeof envVar>
export type Probe = Infer<typeof probe>

export interface Pod extends KubeObject {
  readonly spec: PodSpec
  readonly status?: PodStatus
}
