/** Where a pod may run: affinity, tolerations, spreading. Kept whole though one machine has one place. */
import { labelSelector } from '../metadata.ts'
import { core } from '../published.ts'
import { array, explicit, int32, int64, oneOf, optional, required, string } from '../schema.ts'

const nodeSelectorRequirement = core('NodeSelectorRequirement', {
  key: required(string, 1),
  operator: required(oneOf('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'), 2),
  values: optional(array(string), 3),
})

const nodeSelectorTerm = core(
  'NodeSelectorTerm',
  {
    matchExpressions: optional(array(nodeSelectorRequirement), 1),
    matchFields: optional(array(nodeSelectorRequirement), 2),
  },
  { atomic: true },
)

const nodeSelector = core(
  'NodeSelector',
  {
    nodeSelectorTerms: required(array(nodeSelectorTerm), 1),
  },
  { atomic: true },
)

const preferredSchedulingTerm = core('PreferredSchedulingTerm', {
  weight: required(int32, 1),
  preference: required(nodeSelectorTerm, 2),
})

const nodeAffinity = core('NodeAffinity', {
  requiredDuringSchedulingIgnoredDuringExecution: optional(nodeSelector, 1),
  preferredDuringSchedulingIgnoredDuringExecution: optional(array(preferredSchedulingTerm), 2),
})

const podAffinityTerm = core('PodAffinityTerm', {
  labelSelector: optional(labelSelector, 1),
  namespaces: optional(array(string), 2),
  topologyKey: required(string, 3),
  namespaceSelector: optional(labelSelector, 4),
  matchLabelKeys: optional(array(string), 5),
  mismatchLabelKeys: optional(array(string), 6),
})

const weightedPodAffinityTerm = core('WeightedPodAffinityTerm', {
  weight: required(int32, 1),
  podAffinityTerm: required(podAffinityTerm, 2),
})

const podAffinity = core('PodAffinity', {
  requiredDuringSchedulingIgnoredDuringExecution: optional(array(podAffinityTerm), 1),
  preferredDuringSchedulingIgnoredDuringExecution: optional(array(weightedPodAffinityTerm), 2),
})

const podAntiAffinity = core('PodAntiAffinity', {
  requiredDuringSchedulingIgnoredDuringExecution: optional(array(podAffinityTerm), 1),
  preferredDuringSchedulingIgnoredDuringExecution: optional(array(weightedPodAffinityTerm), 2),
})

export const affinity = core('Affinity', {
  nodeAffinity: optional(nodeAffinity, 1),
  podAffinity: optional(podAffinity, 2),
  podAntiAffinity: optional(podAntiAffinity, 3),
})

export const toleration = core('Toleration', {
  key: optional(string, 1),
  operator: optional(oneOf('Exists', 'Equal', 'Lt', 'Gt'), 2),
  value: optional(string, 3),
  effect: optional(oneOf('NoSchedule', 'PreferNoSchedule', 'NoExecute'), 4),
  tolerationSeconds: explicit(int64, 5),
})

export const topologySpreadConstraint = core('TopologySpreadConstraint', {
  maxSkew: required(int32, 1),
  topologyKey: required(string, 2),
  whenUnsatisfiable: required(oneOf('DoNotSchedule', 'ScheduleAnyway'), 3),
  labelSelector: optional(labelSelector, 4),
  minDomains: explicit(int32, 5),
  nodeAffinityPolicy: explicit(oneOf('Ignore', 'Honor'), 6),
  nodeTaintsPolicy: explicit(oneOf('Ignore', 'Honor'), 7),
  matchLabelKeys: optional(array(string), 8),
})
