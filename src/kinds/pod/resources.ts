/** Resource requests and claims. */
import { core } from '../published.ts'
import { byKeys, explicit, map, oneOf, optional, ownedArray, quantity, required, string } from '../schema.ts'

const resourceClaim = core('ResourceClaim', {
  name: required(string, 1),
  request: optional(string, 2),
})

export const resourceRequirements = core('ResourceRequirements', {
  limits: optional(map(quantity), 1),
  requests: optional(map(quantity), 2),
  claims: optional(ownedArray(resourceClaim, byKeys('name')), 3),
})

export const containerResizePolicy = core('ContainerResizePolicy', {
  resourceName: required(string, 1),
  restartPolicy: required(oneOf('NotRequired', 'RestartContainer'), 2),
})

export const volumeResourceRequirements = core('VolumeResourceRequirements', {
  limits: optional(map(quantity), 1),
  requests: optional(map(quantity), 2),
})

export const podResourceClaim = core(
  'PodResourceClaim',
  {
    name: required(string, 1),
    resourceClaimName: explicit(string, 3),
    resourceClaimTemplateName: explicit(string, 4),
  },
  { retainKeys: true },
)

export const workloadReference = core('WorkloadReference', {
  name: required(string, 1),
  podGroup: required(string, 2),
  podGroupReplicaKey: optional(string, 3),
})
