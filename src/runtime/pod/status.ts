/** A pod's status as the API shows it, from the record of its containers. Pure. */
import type { Pod } from '../../kinds/pod.ts'
import type { ContainerRecord, PodFailure, Termination } from './record.ts'
import { containerIdOf } from './termination.ts'
import type {
  Container,
  ContainerState,
  ContainerStatus,
  PodCondition,
  PodSpec,
  PodStatus,
  RestartPolicy,
} from './types.ts'

export interface StatusInput {
  readonly pod: Pod
  readonly ip: string
  readonly hostIp: string
  readonly startedAtMs: number
  readonly containers: readonly ContainerRecord[]
  readonly nowMs: number
  /** What was written last: the API's copy may lag behind. */
  readonly reported: PodStatus | undefined
  /** The pod was ended by the runtime itself, for this reason. */
  readonly failure: PodFailure | undefined
}

type Phase = NonNullable<PodStatus['phase']>

export function podStatus(input: StatusInput): PodStatus {
  const { pod, ip, hostIp, startedAtMs, containers, failure } = input
  const statusOf = (spec: Container): ContainerStatus => containerStatus(spec, recordOf(containers, spec))
  const initContainers = pod.spec.initContainers ?? []
  const phase = podPhase(input)
  const initContainerStatuses = initContainers.map(statusOf)
  const containerStatuses = pod.spec.containers.map(statusOf)
  return {
    phase,
    ...(failure === undefined ? {} : failure),
    conditions: conditions(input, phase, [
      ...initContainerStatuses.filter(isOfSidecar(pod.spec)),
      ...containerStatuses,
    ]),
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    podIP: ip,
    podIPs: [{ ip }],
    startTime: timestamp(startedAtMs),
    ...(initContainers.length === 0 ? {} : { initContainerStatuses }),
    containerStatuses,
    qosClass: pod.status?.qosClass ?? qosClass(pod.spec),
  }
}

/** RFC 3339, second precision. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

/** A container that runs to its end before the main ones start; one with restartPolicy Always keeps running instead. */
export function isSidecar(spec: Container): boolean {
  return spec.restartPolicy === 'Always'
}

function isOfSidecar({ initContainers = [] }: PodSpec): (status: ContainerStatus) => boolean {
  return ({ name }) => initContainers.some((init) => init.name === name && isSidecar(init))
}

/** Sidecars that end or are started again later change nothing about it. */
function isInitialized(spec: PodSpec, containers: readonly ContainerRecord[]): boolean {
  if (containers.some(({ isInit, attempt }) => !isInit && attempt >= 0)) return true
  return (spec.initContainers ?? []).every((init) => isInitDone(init, recordOf(containers, init)))
}

export function isInitDone(spec: Container, record: ContainerRecord | undefined): boolean {
  const phase = record?.phase
  if (isSidecar(spec)) return phase?.kind === 'running' ? phase.started : (record?.restarts ?? 0) > 0
  return phase?.kind === 'terminated' && phase.termination.exitCode === 0
}

/** Whether a container that ended so is started again. */
export function isRestarted(policy: RestartPolicy, { exitCode }: Termination): boolean {
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

function recordOf(containers: readonly ContainerRecord[], { name }: Container): ContainerRecord | undefined {
  return containers.find((record) => record.name === name)
}

/** How the container ended; undefined while it has not, or will be started again. */
function finalEnd(policy: RestartPolicy, record: ContainerRecord | undefined): Termination | undefined {
  if (record?.phase.kind !== 'terminated') return undefined
  const { termination } = record.phase
  return isRestarted(policy, termination) ? undefined : termination
}

function hasFailedInit(
  { restartPolicy = 'Always', initContainers = [] }: PodSpec,
  containers: readonly ContainerRecord[],
): boolean {
  return initContainers
    .filter((init) => !isSidecar(init))
    .some((init) => (finalEnd(restartPolicy, recordOf(containers, init))?.exitCode ?? 0) !== 0)
}

/** Nothing of the pod is started any more, and its sidecars have nobody left to serve. */
export function isDone(spec: PodSpec, containers: readonly ContainerRecord[]): boolean {
  const policy = spec.restartPolicy ?? 'Always'
  const haveEnded = spec.containers.every((main) => finalEnd(policy, recordOf(containers, main)) !== undefined)
  return haveEnded || hasFailedInit(spec, containers)
}

/** Kubernetes' rules (pkg/kubelet, getPhase). How a sidecar ended does not matter, but that it has. */
function podPhase({ pod: { spec }, containers, failure }: StatusInput): Phase {
  if (failure !== undefined || hasFailedInit(spec, containers)) return 'Failed'
  const policy = spec.restartPolicy ?? 'Always'
  const mains = spec.containers.map((container) => recordOf(containers, container))
  const ends = mains.map((record) => finalEnd(policy, record))
  if (ends.every((end) => end !== undefined)) {
    if (containers.some(({ phase }) => phase.kind === 'running')) return 'Running'
    return ends.every(({ exitCode }) => exitCode === 0) ? 'Succeeded' : 'Failed'
  }
  if (!isInitialized(spec, containers)) return 'Pending'
  return mains.every(hasBegun) ? 'Running' : 'Pending'
}

function hasBegun(record: ContainerRecord | undefined): boolean {
  if (record === undefined) return false
  return record.phase.kind === 'running' || record.phase.kind === 'terminated' || record.last !== undefined
}

function containerStatus(spec: Container, record: ContainerRecord | undefined): ContainerStatus {
  const phase = record?.phase
  const isRunning = record !== undefined && phase?.kind === 'running'
  const id = idOf(record)
  return {
    name: spec.name,
    state: stateOf(record),
    ...(record?.last === undefined ? {} : { lastState: terminated(record.last) }),
    ready: isRunning ? isReady(record) : isCompletedInit(record),
    started: isRunning && phase.started,
    restartCount: record?.restarts ?? 0,
    image: record?.image ?? spec.image ?? '',
    imageID: record?.image ?? '',
    ...(id === undefined || id === '' ? {} : { containerID: id }),
  }
}

function isReady({ phase, obstacle }: ContainerRecord): boolean {
  return phase.kind === 'running' && phase.started && phase.ready && obstacle === undefined
}

/** Main containers are not ready after their end; an init container is, once it has done its work. */
function isCompletedInit(record: ContainerRecord | undefined): boolean {
  return record?.isInit === true && record.phase.kind === 'terminated' && record.phase.termination.exitCode === 0
}

function idOf(record: ContainerRecord | undefined): string | undefined {
  if (record?.phase.kind === 'running') return containerIdOf(record.phase.identity)
  if (record?.phase.kind === 'terminated') return record.phase.termination.containerId
  return record?.last?.containerId
}

function stateOf(record: ContainerRecord | undefined): ContainerState {
  const phase = record?.phase
  switch (phase?.kind) {
    case 'running':
      return { running: { startedAt: timestamp(phase.startedAtMs) } }
    case 'terminated':
      return terminated(phase.termination)
    case 'waiting': {
      const { reason, message } = phase
      return { waiting: { reason, ...(message === undefined ? {} : { message }) } }
    }
    case 'starting':
    case undefined:
      return { waiting: { reason: 'ContainerCreating' } }
  }
}

function terminated({ startedAtMs, finishedAtMs, containerId, ...rest }: Termination): ContainerState {
  return {
    terminated: {
      ...rest,
      startedAt: timestamp(startedAtMs),
      finishedAt: timestamp(finishedAtMs),
      ...(containerId === '' ? {} : { containerID: containerId }),
    },
  }
}

type ConditionState = Pick<PodCondition, 'type' | 'status'> & { readonly reason?: string; readonly message?: string }

/** The conditions that are ours; others' stay as they are, because the list is merged by type. */
function conditions(input: StatusInput, phase: Phase, statuses: readonly ContainerStatus[]): readonly PodCondition[] {
  const { pod, nowMs, reported } = input
  const old = reported?.conditions ?? pod.status?.conditions ?? []
  const wanted = [
    { type: 'PodScheduled', status: 'True' } as const,
    initialized(input),
    ...readiness(input, phase, statuses),
  ]
  return wanted.map((next): PodCondition => {
    const before = old.find(({ type }) => type === next.type)
    const since = before?.status === next.status ? before.lastTransitionTime : undefined
    return { ...next, lastTransitionTime: since ?? timestamp(nowMs) }
  })
}

function initialized({ pod, containers }: StatusInput): ConditionState {
  if (isInitialized(pod.spec, containers)) return { type: 'Initialized', status: 'True' }
  const missing = (pod.spec.initContainers ?? [])
    .filter((init) => !isInitDone(init, recordOf(containers, init)))
    .map(({ name }) => name)
  const message = `containers with incomplete status: [${missing.join(' ')}]`
  return { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized', message }
}

function readiness(
  { pod, containers }: StatusInput,
  phase: Phase,
  statuses: readonly ContainerStatus[],
): readonly ConditionState[] {
  const unready = statuses.filter(({ ready }) => !ready).map(({ name }) => name)
  const both = (state: Omit<ConditionState, 'type'>): readonly ConditionState[] => [
    { type: 'ContainersReady', ...state },
    { type: 'Ready', ...state },
  ]
  if (phase === 'Succeeded') return both({ status: 'False', reason: 'PodCompleted' })
  if (phase === 'Failed') return both({ status: 'False', reason: 'PodFailed' })
  if (unready.length > 0) {
    const obstacles = containers.flatMap(({ obstacle }) => obstacle ?? [])
    const message = [`containers with unready status: [${unready.join(' ')}]`, ...obstacles].join('; ')
    return both({ status: 'False', reason: 'ContainersNotReady', message })
  }
  return [{ type: 'ContainersReady', status: 'True' }, gated(pod)]
}

function gated(pod: Pod): ConditionState {
  const open = (pod.spec.readinessGates ?? [])
    .map(({ conditionType }) => conditionType)
    .filter(
      (type) => !pod.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True'),
    )
  if (open.length === 0) return { type: 'Ready', status: 'True' }
  const message = open.map((type) => `the status of pod readiness gate "${type}" is not "True"`).join(', ')
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message }
}

function qosClass({ containers, initContainers = [] }: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const all = [...containers, ...initContainers].map(({ resources }) => resources)
  if (all.every((resources) => isEmpty(resources?.requests) && isEmpty(resources?.limits))) return 'BestEffort'
  const isGuaranteed = all.every((resources) =>
    ['cpu', 'memory'].every((name) => {
      const limit = resources?.limits?.[name]
      return limit !== undefined && (resources?.requests?.[name] ?? limit) === limit
    }),
  )
  return isGuaranteed ? 'Guaranteed' : 'Burstable'
}

function isEmpty(map: object | undefined): boolean {
  return map === undefined || Object.keys(map).length === 0
}
