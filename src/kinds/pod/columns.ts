/** The table of `kubectl get pods`. */
import { age, ageColumn } from '../age.ts'
import type { Column } from '../kind.ts'
import type { Container, ContainerStatus, Pod } from './types.ts'

export const podColumns: readonly Column<Pod>[] = [
  { name: 'Ready', type: 'string', priority: 0, cell: readyContainers },
  { name: 'Status', type: 'string', priority: 0, cell: podStatusWord },
  { name: 'Restarts', type: 'string', priority: 0, cell: restarts },
  ageColumn,
  { name: 'IP', type: 'string', priority: 1, cell: ({ status }) => status?.podIP ?? '<none>' },
  { name: 'Node', type: 'string', priority: 1, cell: ({ spec }) => spec.nodeName ?? '<none>' },
  {
    name: 'Nominated Node',
    type: 'string',
    priority: 1,
    cell: ({ status }) => status?.nominatedNodeName ?? '<none>',
  },
  { name: 'Readiness Gates', type: 'string', priority: 1, cell: readinessGates },
]

/**
 * The one word people look for. From the general to the particular: phase, the pod's own reason, what an init
 * container waits for, what a container waits for or ended with, and above all that the pod is being deleted.
 */
function podStatusWord(pod: Pod): string {
  const { status, metadata } = pod
  const word = initWord(pod) ?? containerWord(pod) ?? status?.reason ?? status?.phase ?? 'Unknown'
  if (metadata.deletionTimestamp === undefined) return word
  return status?.reason === 'NodeLost' ? 'Unknown' : 'Terminating'
}

/** `Init:1/2`, `Init:CrashLoopBackOff`, …; undefined once every init container is done (or, as a sidecar, started). */
function initWord({ spec, status }: Pod): string | undefined {
  const declared = spec.initContainers ?? []
  const statuses = status?.initContainerStatuses ?? []
  const at = statuses.findIndex((one) => !isPastInit(one, declared))
  const blocking = statuses[at]
  if (blocking === undefined) return undefined
  const { terminated, waiting } = blocking.state ?? {}
  if (terminated !== undefined) return `Init:${endWord(terminated)}`
  const reason = waiting?.reason
  if (reason !== undefined && reason !== '' && reason !== 'PodInitializing') return `Init:${reason}`
  return `Init:${at}/${declared.length}`
}

function isPastInit(status: ContainerStatus, declared: readonly Container[]): boolean {
  const isSidecar = declared.some(({ name, restartPolicy }) => name === status.name && restartPolicy === 'Always')
  return status.state?.terminated?.exitCode === 0 || (isSidecar && status.started === true)
}

/** The first container that is not simply running speaks for the pod. */
function containerWord({ status }: Pod): string | undefined {
  const statuses = status?.containerStatuses ?? []
  const word = statuses.map(stateWord).find((one) => one !== undefined)
  if (word !== 'Completed' || !statuses.some(isRunning)) return word
  const isReady = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True')
  return isReady === true ? 'Running' : 'NotReady'
}

function stateWord({ state }: ContainerStatus): string | undefined {
  if (state?.waiting?.reason !== undefined && state.waiting.reason !== '') return state.waiting.reason
  return state?.terminated === undefined ? undefined : endWord(state.terminated)
}

type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>

function endWord({ reason, signal, exitCode }: Terminated): string {
  if (reason !== undefined && reason !== '') return reason
  return signal === undefined ? `ExitCode:${exitCode}` : `Signal:${signal}`
}

function isRunning({ ready, state }: ContainerStatus): boolean {
  return ready && state?.running !== undefined
}

/** Sidecars (init containers that keep running) count like containers. */
function longRunning({ spec, status }: Pod): { total: number; statuses: readonly ContainerStatus[] } {
  const sidecars = new Set((spec.initContainers ?? []).filter(isSidecarSpec).map(({ name }) => name))
  const sidecarStatuses = (status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name))
  return {
    total: spec.containers.length + sidecars.size,
    statuses: [...sidecarStatuses, ...(status?.containerStatuses ?? [])],
  }
}

function isSidecarSpec({ restartPolicy }: Container): boolean {
  return restartPolicy === 'Always'
}

function readyContainers(pod: Pod): string {
  const { total, statuses } = longRunning(pod)
  return `${statuses.filter(isRunning).length}/${total}`
}

/** `3 (5m ago)`: how often, and when last. */
function restarts(pod: Pod, nowMs: number): string {
  const { statuses } = longRunning(pod)
  const count = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0)
  const ends = statuses.flatMap(({ lastState }) => lastState?.terminated?.finishedAt ?? [])
  const last = ends.reduce<string | undefined>(
    (a, b) => (a === undefined || Date.parse(b) > Date.parse(a) ? b : a),
    undefined,
  )
  return count === 0 || last === undefined ? String(count) : `${count} (${age(last, nowMs)} ago)`
}

function readinessGates({ spec, status }: Pod): string {
  const gates = spec.readinessGates ?? []
  if (gates.length === 0) return '<none>'
  const met = gates.filter(({ conditionType }) =>
    status?.conditions?.some(({ type, status: value }) => type === conditionType && value === 'True'),
  )
  return `${met.length}/${gates.length}`
}
