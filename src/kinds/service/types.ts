/** The shapes of a Service, from its schemas. */
import type { KubeObject } from '../../kube/object.ts'
import type { Infer } from '../schema.ts'
import type { servicePort, serviceSpec, serviceStatus } from './spec.ts'

export type ServiceSpec = Infer<typeof serviceSpec>
type ServiceStatus = Infer<typeof serviceStatus>
export type ServicePort = Infer<typeof servicePort>

export interface Service extends KubeObject {
  readonly spec: ServiceSpec
  readonly status?: ServiceStatus
}
