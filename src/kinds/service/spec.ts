/** A Service's own fields. */
import { condition } from '../metadata.ts'
import { core } from '../published.ts'
import {
  array,
  atomicMap,
  boolean,
  byKeys,
  explicit,
  int32,
  intOrString,
  mergeArray,
  oneOf,
  optional,
  required,
  string,
} from '../schema.ts'

export const servicePort = core('ServicePort', {
  name: optional(string, 1),
  protocol: optional(oneOf('TCP', 'UDP', 'SCTP'), 2, { default: 'TCP' }),
  appProtocol: explicit(string, 6),
  port: required(int32, 3),
  targetPort: optional(intOrString, 4),
  nodePort: optional(int32, 5),
})

const clientIpConfig = core('ClientIPConfig', {
  timeoutSeconds: explicit(int32, 1),
})

const sessionAffinityConfig = core('SessionAffinityConfig', {
  clientIP: optional(clientIpConfig, 1),
})

export const serviceSpec = core('ServiceSpec', {
  ports: optional(mergeArray(servicePort, 'port', byKeys('port', 'protocol')), 1),
  selector: optional(atomicMap(string), 2),
  clusterIP: optional(string, 3),
  clusterIPs: optional(array(string), 18),
  type: optional(oneOf('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'), 4),
  externalIPs: optional(array(string), 5),
  sessionAffinity: optional(oneOf('ClientIP', 'None'), 7),
  loadBalancerIP: optional(string, 8),
  loadBalancerSourceRanges: optional(array(string), 9),
  externalName: optional(string, 10),
  externalTrafficPolicy: optional(oneOf('Cluster', 'Local'), 11),
  healthCheckNodePort: optional(int32, 12),
  publishNotReadyAddresses: optional(boolean, 13),
  sessionAffinityConfig: optional(sessionAffinityConfig, 14),
  ipFamilies: optional(array(oneOf('IPv4', 'IPv6')), 19),
  ipFamilyPolicy: explicit(oneOf('SingleStack', 'PreferDualStack', 'RequireDualStack'), 17),
  allocateLoadBalancerNodePorts: explicit(boolean, 20),
  loadBalancerClass: explicit(string, 21),
  internalTrafficPolicy: explicit(oneOf('Cluster', 'Local'), 22),
  trafficDistribution: explicit(string, 23),
})

const portStatus = core('PortStatus', {
  port: required(int32, 1),
  protocol: required(oneOf('TCP', 'UDP', 'SCTP'), 2),
  error: explicit(string, 3),
})

const loadBalancerIngress = core('LoadBalancerIngress', {
  ip: optional(string, 1),
  hostname: optional(string, 2),
  ipMode: explicit(oneOf('VIP', 'Proxy'), 3),
  ports: optional(array(portStatus), 4),
})

const loadBalancerStatus = core('LoadBalancerStatus', {
  ingress: optional(array(loadBalancerIngress), 1),
})

export const serviceStatus = core('ServiceStatus', {
  loadBalancer: optional(loadBalancerStatus, 1),
  conditions: optional(mergeArray(condition, 'type'), 2),
})
