/** The pod spec and the template around it. */
import { objectMeta } from '../metadata.ts'
import { affinity, toleration, topologySpreadConstraint } from './affinity.ts'
import { container, ephemeralContainer } from './container.ts'
import { podResourceClaim, resourceRequirements, workloadReference } from './resources.ts'
import { podSecurityContext } from './security.ts'
import { volume } from './volumes.ts'
import { localObjectReference } from '../references.ts'
import { core } from '../published.ts'
import {
  array,
  atomicMap,
  boolean,
  byKeys,
  explicit,
  int32,
  int64,
  map,
  mergeArray,
  neededInside,
  oneOf,
  optional,
  quantity,
  required,
  string,
} from '../schema.ts'

const hostAlias = core('HostAlias', {
  ip: required(string, 1),
  hostnames: optional(array(string), 2),
})

const podDnsConfigOption = core('PodDNSConfigOption', {
  name: optional(string, 1),
  value: explicit(string, 2),
})

const podDnsConfig = core('PodDNSConfig', {
  nameservers: optional(array(string), 1),
  searches: optional(array(string), 2),
  options: optional(array(podDnsConfigOption), 3),
})

const podReadinessGate = core('PodReadinessGate', {
  conditionType: required(string, 1),
})

const podOs = core('PodOS', {
  name: required(oneOf('linux', 'windows'), 1),
})

const podSchedulingGate = core('PodSchedulingGate', {
  name: required(string, 1),
})

export const podSpec = core('PodSpec', {
  volumes: optional(mergeArray(volume, 'name'), 1),
  initContainers: optional(mergeArray(container, 'name'), 20),
  containers: required(mergeArray(container, 'name'), 2),
  ephemeralContainers: optional(mergeArray(ephemeralContainer, 'name'), 34),
  restartPolicy: optional(oneOf('Always', 'OnFailure', 'Never'), 3),
  terminationGracePeriodSeconds: explicit(int64, 4),
  activeDeadlineSeconds: explicit(int64, 5),
  dnsPolicy: optional(oneOf('ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'), 6),
  nodeSelector: optional(atomicMap(string), 7),
  serviceAccountName: optional(string, 8),
  serviceAccount: optional(string, 9),
  automountServiceAccountToken: explicit(boolean, 21),
  nodeName: optional(string, 10),
  hostNetwork: optional(boolean, 11),
  hostPID: optional(boolean, 12),
  hostIPC: optional(boolean, 13),
  shareProcessNamespace: explicit(boolean, 27),
  securityContext: optional(podSecurityContext, 14),
  imagePullSecrets: optional(mergeArray(localObjectReference, 'name'), 15),
  hostname: optional(string, 16),
  subdomain: optional(string, 17),
  affinity: optional(affinity, 18),
  schedulerName: optional(string, 19),
  tolerations: optional(array(toleration), 22),
  hostAliases: optional(mergeArray(hostAlias, 'ip'), 23),
  priorityClassName: optional(string, 24),
  priority: explicit(int32, 25),
  dnsConfig: optional(podDnsConfig, 26),
  readinessGates: optional(array(podReadinessGate), 28),
  runtimeClassName: explicit(string, 29),
  enableServiceLinks: explicit(boolean, 30),
  preemptionPolicy: explicit(oneOf('PreemptLowerPriority', 'Never'), 31),
  overhead: optional(map(quantity), 32),
  topologySpreadConstraints: optional(
    mergeArray(topologySpreadConstraint, 'topologyKey', byKeys('topologyKey', 'whenUnsatisfiable')),
    33,
  ),
  setHostnameAsFQDN: explicit(boolean, 35),
  os: optional(podOs, 36),
  hostUsers: explicit(boolean, 37),
  schedulingGates: optional(mergeArray(podSchedulingGate, 'name'), 38),
  resourceClaims: optional(mergeArray(podResourceClaim, 'name'), 39),
  resources: optional(resourceRequirements, 40),
  hostnameOverride: explicit(string, 41),
  workloadRef: optional(workloadReference, 42),
})

export const podTemplateSpec = core('PodTemplateSpec', {
  metadata: optional(objectMeta, 1),
  spec: neededInside(podSpec, 2),
})
