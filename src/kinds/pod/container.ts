/** Containers and ephemeral containers. */
import { envFromSource, envVar } from './env.ts'
import { lifecycle, probe } from './probe.ts'
import { containerResizePolicy, resourceRequirements } from './resources.ts'
import { securityContext } from './security.ts'
import { core } from '../published.ts'
import {
  array,
  boolean,
  byKeys,
  explicit,
  int32,
  mergeArray,
  oneOf,
  optional,
  ownedArray,
  required,
  string,
  within,
} from '../schema.ts'

export const containerPort = core('ContainerPort', {
  name: optional(string, 1),
  hostPort: optional(int32, 2),
  containerPort: required(int32, 3),
  protocol: optional(oneOf('TCP', 'UDP', 'SCTP'), 4, { default: 'TCP' }),
  hostIP: optional(string, 5),
})

const volumeMount = core('VolumeMount', {
  name: required(string, 1),
  readOnly: optional(boolean, 2),
  recursiveReadOnly: explicit(oneOf('Disabled', 'IfPossible', 'Enabled'), 7),
  mountPath: required(string, 3),
  subPath: optional(string, 4),
  mountPropagation: explicit(oneOf('None', 'HostToContainer', 'Bidirectional'), 5),
  subPathExpr: optional(string, 6),
})

const volumeDevice = core('VolumeDevice', {
  name: required(string, 1),
  devicePath: required(string, 2),
})

const containerRestartRuleOnExitCodes = core('ContainerRestartRuleOnExitCodes', {
  operator: required(oneOf('In', 'NotIn'), 1),
  values: optional(ownedArray(int32, { kind: 'set' }), 2),
})

const containerRestartRule = core('ContainerRestartRule', {
  action: required(oneOf('Restart', 'RestartAllContainers'), 1),
  exitCodes: optional(containerRestartRuleOnExitCodes, 2),
})

export const container = core('Container', {
  name: required(string, 1),
  image: optional(string, 2),
  command: optional(array(string), 3),
  args: optional(array(string), 4),
  workingDir: optional(string, 5),
  ports: optional(mergeArray(containerPort, 'containerPort', byKeys('containerPort', 'protocol')), 6),
  envFrom: optional(array(envFromSource), 19),
  env: optional(mergeArray(envVar, 'name'), 7),
  resources: optional(resourceRequirements, 8),
  resizePolicy: optional(array(containerResizePolicy), 23),
  restartPolicy: explicit(oneOf('Always', 'Never', 'OnFailure'), 24),
  restartPolicyRules: optional(array(containerRestartRule), 25),
  volumeMounts: optional(mergeArray(volumeMount, 'mountPath'), 9),
  volumeDevices: optional(mergeArray(volumeDevice, 'devicePath'), 21),
  livenessProbe: optional(probe, 10),
  readinessProbe: optional(probe, 11),
  startupProbe: optional(probe, 22),
  lifecycle: optional(lifecycle, 12),
  terminationMessagePath: optional(string, 13),
  terminationMessagePolicy: optional(oneOf('File', 'FallbackToLogsOnError'), 20),
  imagePullPolicy: optional(oneOf('Always', 'Never', 'IfNotPresent'), 14),
  securityContext: optional(securityContext, 15),
  stdin: optional(boolean, 16),
  stdinOnce: optional(boolean, 17),
  tty: optional(boolean, 18),
})

export const ephemeralContainer = core('EphemeralContainer', {
  ...within(1, {
    name: required(string, 1),
    image: optional(string, 2),
    command: optional(array(string), 3),
    args: optional(array(string), 4),
    workingDir: optional(string, 5),
    ports: optional(mergeArray(containerPort, 'containerPort', byKeys('containerPort', 'protocol')), 6),
    envFrom: optional(array(envFromSource), 19),
    env: optional(mergeArray(envVar, 'name'), 7),
    resources: optional(resourceRequirements, 8),
    resizePolicy: optional(array(containerResizePolicy), 23),
    restartPolicy: explicit(oneOf('Always', 'Never', 'OnFailure'), 24),
    restartPolicyRules: optional(array(containerRestartRule), 25),
    volumeMounts: optional(mergeArray(volumeMount, 'mountPath'), 9),
    volumeDevices: optional(mergeArray(volumeDevice, 'devicePath'), 21),
    livenessProbe: optional(probe, 10),
    readinessProbe: optional(probe, 11),
    startupProbe: optional(probe, 22),
    lifecycle: optional(lifecycle, 12),
    terminationMessagePath: optional(string, 13),
    terminationMessagePolicy: optional(oneOf('File', 'FallbackToLogsOnError'), 20),
    imagePullPolicy: optional(oneOf('Always', 'Never', 'IfNotPresent'), 14),
    securityContext: optional(securityContext, 15),
    stdin: optional(boolean, 16),
    stdinOnce: optional(boolean, 17),
    tty: optional(boolean, 18),
  }),
  targetContainerName: optional(string, 2),
})
