/** Probes and lifecycle hooks. */
import { core } from '../published.ts'
import { array, explicit, int32, int64, intOrString, oneOf, optional, required, string, within } from '../schema.ts'

const execAction = core('ExecAction', {
  command: optional(array(string), 1),
})

const httpHeader = core('HTTPHeader', {
  name: required(string, 1),
  value: required(string, 2),
})

const httpGetAction = core('HTTPGetAction', {
  path: optional(string, 1),
  port: required(intOrString, 2),
  host: optional(string, 3),
  scheme: optional(oneOf('HTTP', 'HTTPS'), 4),
  httpHeaders: optional(array(httpHeader), 5),
})

const tcpSocketAction = core('TCPSocketAction', {
  port: required(intOrString, 1),
  host: optional(string, 2),
})

const grpcAction = core('GRPCAction', {
  port: required(int32, 1),
  service: explicit(string, 2),
})

const sleepAction = core('SleepAction', {
  seconds: required(int64, 1),
})

const probeHandler = core('ProbeHandler', {
  exec: optional(execAction, 1),
  httpGet: optional(httpGetAction, 2),
  tcpSocket: optional(tcpSocketAction, 3),
  grpc: optional(grpcAction, 4),
})

export const probe = core('Probe', {
  ...within(1, probeHandler.fields),
  initialDelaySeconds: optional(int32, 2),
  timeoutSeconds: optional(int32, 3),
  periodSeconds: optional(int32, 4),
  successThreshold: optional(int32, 5),
  failureThreshold: optional(int32, 6),
  terminationGracePeriodSeconds: explicit(int64, 7),
})

const lifecycleHandler = core('LifecycleHandler', {
  exec: optional(execAction, 1),
  httpGet: optional(httpGetAction, 2),
  tcpSocket: optional(tcpSocketAction, 3),
  sleep: optional(sleepAction, 4),
})

export const lifecycle = core('Lifecycle', {
  postStart: optional(lifecycleHandler, 1),
  preStop: optional(lifecycleHandler, 2),
  stopSignal: explicit(string, 3),
})
