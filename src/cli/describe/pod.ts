/** Pods and pod templates as `describe` shows them. Pure. */
import type { Container, ContainerStatus, Pod, PodSpec, PodTemplateSpec } from '../../kinds/pod.ts'
import { conditionFields, type Field, pairsOf, timeText } from './fields.ts'

/** What a pod says below its metadata. */
export function podFields({ metadata, spec, status }: Pod): readonly Field[] {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
  return [
    ['Service Account', spec.serviceAccountName ?? 'default'],
    ['Node', `${spec.nodeName ?? '<none>'}${status?.hostIP === undefined ? '' : `/${status.hostIP}`}`],
    ...optionalText('Start Time', timeText(status?.startTime)),
    ['Status', metadata.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating'],
    ...optionalText('Reason', status?.reason),
    ...optionalText('Message', status?.message),
    ['IP', status?.podIP ?? ''],
    ...(owner === undefined ? [] : [['Controlled By', `${owner.kind}/${owner.name}`] as const]),
    ...containersFields(spec, statuses),
    ...conditionFields(status?.conditions),
    ['Volumes', (spec.volumes ?? []).map(({ name }) => name)],
  ]
}

export function templateFields({ metadata, spec }: PodTemplateSpec): Field {
  const containers = spec === undefined ? [] : containersFields(spec, [])
  return ['Pod Template', { fields: [['Labels', pairsOf(metadata?.labels, '=')], ...containers] }]
}

function containersFields(spec: PodSpec, statuses: readonly ContainerStatus[]): readonly Field[] {
  const fieldsOf = (containers: readonly Container[]): { readonly fields: readonly Field[] } => ({
    fields: containers.map((container) => [
      container.name,
      {
        fields: containerFields(
          container,
          statuses.find(({ name }) => name === container.name),
        ),
      },
    ]),
  })
  const init = spec.initContainers ?? []
  return [
    ...(init.length === 0 ? [] : [['Init Containers', fieldsOf(init)] as const]),
    ['Containers', fieldsOf(spec.containers)],
  ]
}

function containerFields(container: Container, status: ContainerStatus | undefined): readonly Field[] {
  const { image, ports = [], command, args, env = [], volumeMounts = [] } = container
  return [
    ...optionalText('Container ID', status?.containerID),
    ['Image', image ?? ''],
    [
      ports.length > 1 ? 'Ports' : 'Port',
      ports.map((port) => `${port.containerPort}/${port.protocol ?? 'TCP'}`).join(', ') || '<none>',
    ],
    ...wordsField('Command', command),
    ...wordsField('Args', args),
    ...(status === undefined ? [] : statusFields(status)),
    ['Environment', env.map(({ name, value }) => `${name}: ${value ?? '<from elsewhere>'}`)],
    ['Mounts', volumeMounts.map(({ mountPath, name }) => `${mountPath} from ${name}`)],
  ]
}

function wordsField(name: string, words: readonly string[] | undefined): readonly Field[] {
  return words === undefined || words.length === 0 ? [] : [[name, words]]
}

function statusFields({ state, lastState, ready, restartCount }: ContainerStatus): readonly Field[] {
  return [
    ...stateFields('State', state),
    ...stateFields('Last State', lastState),
    ['Ready', ready ? 'True' : 'False'],
    ['Restart Count', String(restartCount)],
  ]
}

function stateFields(name: string, state: ContainerStatus['state']): readonly Field[] {
  const { waiting, running, terminated } = state ?? {}
  if (running !== undefined) return [[name, { text: 'Running', fields: [['Started', timeText(running.startedAt)]] }]]
  if (waiting !== undefined) {
    const why = [...optionalText('Reason', waiting.reason), ...optionalText('Message', waiting.message)]
    return [[name, { text: 'Waiting', fields: why }]]
  }
  if (terminated === undefined) return name === 'State' ? [[name, 'Waiting']] : []
  const details: readonly Field[] = [
    ...optionalText('Reason', terminated.reason),
    ...optionalText('Message', terminated.message?.trimEnd()),
    ['Exit Code', String(terminated.exitCode)],
    ...(terminated.signal === undefined ? [] : [['Signal', String(terminated.signal)] as const]),
    ['Started', timeText(terminated.startedAt)],
    ['Finished', timeText(terminated.finishedAt)],
  ]
  return [[name, { text: 'Terminated', fields: details }]]
}

function optionalText(name: string, text: string | undefined): readonly Field[] {
  return text === undefined || text === '' ? [] : [[name, text]]
}
