/** Pods: on this machine, one process per container with a loopback address of its own. */
import type { ResourceType } from '../kube/object.ts'
import type { Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { podAdmission } from './pod/admission.ts'
import { podColumns } from './pod/columns.ts'
import { defaultPod } from './pod/defaults.ts'
import { podSpec } from './pod/spec.ts'
import { podStatus } from './pod/status.ts'
import { podSubresources } from './pod/subresources.ts'
import type { Pod } from './pod/types.ts'
import { validatePod } from './pod/validate.ts'
import { podWarnings } from './pod/warnings.ts'
import { core } from './published.ts'
import { neededInside, optional } from './schema.ts'

export type { Container, ContainerStatus, Pod, PodSpec, PodStatus, PodTemplateSpec } from './pod/types.ts'

export const pods: ResourceType<Pod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
}

const pod = core('Pod', {
  ...typeMeta,
  metadata: optional(objectMeta, 1),
  spec: neededInside(podSpec, 2),
  status: optional(podStatus, 3),
})

export const podKind: Kind<Pod> = {
  type: pods,
  singular: 'pod',
  shortNames: ['po'],
  categories: ['all'],
  schema: pod,
  hasStatus: true,
  defaults: defaultPod,
  validate: validatePod,
  warnings: podWarnings,
  admission: podAdmission,
  subresources: podSubresources,
  columns: podColumns,
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
    'spec.restartPolicy': ({ spec }) => spec.restartPolicy ?? '',
    'spec.schedulerName': ({ spec }) => spec.schedulerName ?? '',
    'spec.serviceAccountName': ({ spec }) => spec.serviceAccountName ?? '',
    'spec.hostNetwork': ({ spec }) => String(spec.hostNetwork ?? false),
    'status.phase': ({ status }) => status?.phase ?? '',
    'status.podIP': ({ status }) => status?.podIP ?? '',
    'status.nominatedNodeName': ({ status }) => status?.nominatedNodeName ?? '',
  },
  gracePeriodSeconds: graceOf,
  strategicPatch: true,
}

const DEFAULT_GRACE_S = 30

/** A pod that was never placed or has already ended has nothing to stop. */
function graceOf({ spec, status }: Pod): number {
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed'
  return spec.nodeName === undefined || isOver ? 0 : (spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_S)
}
