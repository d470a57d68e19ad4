/** What is known about a running pod. */
import { resourceRequirements } from './resources.ts'
import { core } from '../published.ts'
import {
  array,
  boolean,
  byKeys,
  explicit,
  int32,
  int64,
  map,
  mergeArray,
  oneOf,
  optional,
  ownedArray,
  quantity,
  required,
  string,
  time,
} from '../schema.ts'

const containerStateWaiting = core('ContainerStateWaiting', {
  reason: optional(string, 1),
  message: optional(string, 2),
})

const containerStateRunning = core('ContainerStateRunning', {
  startedAt: optional(time, 1),
})

const containerStateTerminated = core('ContainerStateTerminated', {
  exitCode: required(int32, 1),
  signal: optional(int32, 2),
  reason: optional(string, 3),
  message: optional(string, 4),
  startedAt: optional(time, 5),
  finishedAt: optional(time, 6),
  containerID: optional(string, 7),
})

const containerState = core('ContainerState', {
  waiting: optional(containerStateWaiting, 1),
  running: optional(containerStateRunning, 2),
  terminated: optional(containerStateTerminated, 3),
})

const volumeMountStatus = core('VolumeMountStatus', {
  name: required(string, 1),
  mountPath: required(string, 2),
  readOnly: optional(boolean, 3),
  recursiveReadOnly: explicit(oneOf('Disabled', 'IfPossible', 'Enabled'), 4),
})

const linuxContainerUser = core('LinuxContainerUser', {
  uid: required(int64, 1),
  gid: required(int64, 2),
  supplementalGroups: optional(array(int64), 3),
})

const containerUser = core('ContainerUser', {
  linux: optional(linuxContainerUser, 1),
})

const resourceHealth = core('ResourceHealth', {
  resourceID: required(string, 1),
  health: optional(oneOf('Healthy', 'Unhealthy', 'Unknown'), 2),
})

const resourceStatus = core('ResourceStatus', {
  name: required(string, 1),
  resources: optional(ownedArray(resourceHealth, byKeys('resourceID')), 2),
})

export const containerStatus = core('ContainerStatus', {
  name: required(string, 1),
  state: optional(containerState, 2),
  lastState: optional(containerState, 3),
  ready: required(boolean, 4),
  restartCount: required(int32, 5),
  image: required(string, 6),
  imageID: required(string, 7),
  containerID: optional(string, 8),
  started: explicit(boolean, 9),
  allocatedResources: optional(map(quantity), 10),
  resources: optional(resourceRequirements, 11),
  volumeMounts: optional(mergeArray(volumeMountStatus, 'mountPath'), 12),
  user: optional(containerUser, 13),
  allocatedResourcesStatus: optional(mergeArray(resourceStatus, 'name'), 14),
  stopSignal: explicit(string, 15),
})

const podCondition = core('PodCondition', {
  type: required(string, 1),
  observedGeneration: optional(int64, 7),
  status: required(oneOf('True', 'False', 'Unknown'), 2),
  lastProbeTime: optional(time, 3),
  lastTransitionTime: optional(time, 4),
  reason: optional(string, 5),
  message: optional(string, 6),
})

const hostIp = core('HostIP', {
  ip: required(string, 1),
})

const podIp = core('PodIP', {
  ip: required(string, 1),
})

const podResourceClaimStatus = core(
  'PodResourceClaimStatus',
  {
    name: required(string, 1),
    resourceClaimName: explicit(string, 2),
  },
  { retainKeys: true },
)

const containerExtendedResourceRequest = core('ContainerExtendedResourceRequest', {
  containerName: required(string, 1),
  resourceName: required(string, 2),
  requestName: required(string, 3),
})

const podExtendedResourceClaimStatus = core('PodExtendedResourceClaimStatus', {
  requestMappings: required(array(containerExtendedResourceRequest), 1),
  resourceClaimName: required(string, 2),
})

export const podStatus = core('PodStatus', {
  observedGeneration: optional(int64, 17),
  phase: optional(oneOf('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'), 1),
  conditions: optional(mergeArray(podCondition, 'type'), 2),
  message: optional(string, 3),
  reason: optional(string, 4),
  nominatedNodeName: optional(string, 11),
  hostIP: optional(string, 5),
  hostIPs: optional(mergeArray(hostIp, 'ip', { kind: 'atomic' }), 16),
  podIP: optional(string, 6),
  podIPs: optional(mergeArray(podIp, 'ip'), 12),
  startTime: optional(time, 7),
  initContainerStatuses: optional(array(containerStatus), 10),
  containerStatuses: optional(array(containerStatus), 8),
  qosClass: optional(oneOf('Guaranteed', 'Burstable', 'BestEffort'), 9),
  ephemeralContainerStatuses: optional(array(containerStatus), 13),
  resize: optional(oneOf('InProgress', 'Deferred', 'Infeasible'), 14),
  resourceClaimStatuses: optional(mergeArray(podResourceClaimStatus, 'name'), 15),
  extendedResourceClaimStatus: optional(podExtendedResourceClaimStatus, 18),
  allocatedResources: optional(map(quantity), 19),
  resources: optional(resourceRequirements, 20),
})
