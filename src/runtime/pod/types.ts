/** The parts of a Pod that the runtime works with, by their Kubernetes names. */
import type { Pod } from '../../kinds/pod.ts'

export type PodSpec = NonNullable<Pod['spec']>
export type PodStatus = NonNullable<Pod['status']>
export type Container = PodSpec['containers'][number]
export type ContainerStatus = NonNullable<PodStatus['containerStatuses']>[number]
export type ContainerState = NonNullable<ContainerStatus['state']>
export type PodCondition = NonNullable<PodStatus['conditions']>[number]
export type Probe = NonNullable<Container['readinessProbe']>
export type EnvVar = NonNullable<Container['env']>[number]
export type EnvFromSource = NonNullable<Container['envFrom']>[number]
export type LifecycleHandler = NonNullable<NonNullable<Container['lifecycle']>['preStop']>
export type RestartPolicy = NonNullable<PodSpec['restartPolicy']>

/** What says how to reach a container: for probes and hooks. */
export interface ContainerAddress {
  readonly ip: string
  readonly ports: NonNullable<Container['ports']>
}
