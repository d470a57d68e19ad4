/**
 * One pod on this machine: its address, its folder, its containers. Level-based: `reconcile` looks at the pod object
 * and at the processes and does what is missing, whatever woke it.
 */
import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { isReason } from '../../kube/api-error.ts'
import { keyOf } from '../../kube/object.ts'
import type { ObjectKey } from '../../kube/object.ts'
import { pods } from '../../kinds/pod.ts'
import type { Pod } from '../../kinds/pod.ts'
import type { Service } from '../../kinds/service.ts'
import type { PodNetwork } from '../network.ts'
import type { PortOwners, PortUser } from '../network/port-owners.ts'
import type { PortsContext } from './container-ports.ts'
import type { ContainerIdentity } from '../process/container-processes.ts'
import { ContainerRuntime } from './container-runtime.ts'
import { ContainerStarter } from './container-starter.ts'
import type { EventRecorder } from './event-recorder.ts'
import { planLaunch } from './launch-plan.ts'
import type { PlanContext } from './launch-plan.ts'
import { newContainerRecord, podDirectory, removeDirectory, saveRecord } from './record.ts'
import type { PodFailure, PodRecord, StoredPod } from './record.ts'
import { withoutEffect } from './refuse.ts'
import { undeclaredServicePorts } from './service-ports.ts'
import { isDone, isInitDone, isSidecar, podStatus } from './status.ts'
import { stopInOrder } from './stop-order.ts'
import type { Container, PodStatus, RestartPolicy } from './types.ts'
import { Deadline, untilAborted } from './until-aborted.ts'

export interface PodContext extends PlanContext {
  readonly podsDir: string
  readonly network: PodNetwork
  readonly owners: PortOwners
  /** The Services of a namespace. */
  readonly servicesOf: (namespace: string) => readonly Service[]
  readonly clock: Clock
  readonly log: Log
  readonly events: EventRecorder
  readonly logBegins: (file: string) => void
  readonly untilDrained: (address: string, signal: AbortSignal) => Promise<void>
  /** The pod has to be looked at again, after the delay. */
  readonly wake: (key: ObjectKey, delayMs: number) => void
}

export class PodRuntime implements PortUser {
  readonly namespace: string
  readonly name: string
  readonly key: ObjectKey
  readonly uid: string
  readonly ip: string
  readonly directory: string
  readonly #context: PodContext
  readonly #startedAtMs: number
  readonly #containers: readonly ContainerRuntime[]
  readonly #starter: ContainerStarter
  readonly #grace: Deadline
  #pod: Pod
  #reported: PodStatus | undefined
  #failure: PodFailure | undefined
  #finishing: Promise<void> | undefined
  #ending: Promise<void> | undefined

  constructor(context: PodContext, pod: Pod, record: PodRecord) {
    this.#context = context
    this.#pod = pod
    this.key = keyOf(pod)
    this.namespace = record.namespace
    this.name = record.name
    this.uid = record.uid
    this.ip = record.ip
    this.#startedAtMs = record.startedAtMs
    this.#failure = record.failure
    this.#grace = new Deadline(context.clock)
    this.directory = podDirectory(context.podsDir, record)
    this.#containers = allContainers(pod).map((spec) => this.#newContainer(spec, record))
    this.#starter = new ContainerStarter({
      context,
      ip: record.ip,
      pod: () => this.#pod,
      isEnding: () => this.isEnding || this.#failure !== undefined,
      wakeAfter: (delayMs) => context.wake(this.key, delayMs),
      event: (...event) => this.#event(...event),
    })
  }

  /** A pod that has never run here. */
  static create(context: PodContext, pod: Pod): PodRuntime {
    const { name = '', namespace = '', uid = '' } = pod.metadata
    const isInit = ({ name: container }: Container): boolean =>
      pod.spec.initContainers?.some((init) => init.name === container) === true
    const runtime = new PodRuntime(context, pod, {
      version: 1,
      namespace,
      name,
      uid,
      ip: context.network.allocate(),
      startedAtMs: context.clock.now(),
      containers: allContainers(pod).map((spec) => newContainerRecord(spec.name, isInit(spec))),
    })
    runtime.#save()
    runtime.#tellScheduled()
    return runtime
  }

  /** A pod of an earlier run: its living processes are taken over. Its address must be reserved already. */
  static async restore(context: PodContext, pod: Pod, { record }: StoredPod): Promise<PodRuntime> {
    const runtime = new PodRuntime(context, pod, record)
    runtime.#reported = pod.status
    for (const container of runtime.#containers) await container.restore()
    return runtime
  }

  get isEnding(): boolean {
    return this.#ending !== undefined
  }

  get containers(): readonly ContainerRuntime[] {
    return this.#containers
  }

  get running(): readonly ContainerIdentity[] {
    return this.#containers.flatMap(({ identity }) => identity ?? [])
  }

  /** Brings the pod closer to its spec and reports its status. */
  async reconcile(pod: Pod): Promise<void> {
    this.#pod = pod
    if (this.isEnding) return
    this.#renewSpecs()
    this.#judgeDeadline()
    if (this.#failure === undefined && !this.#isDone()) await this.#drive()
    else this.#inBackground(this.#finish())
    await this.report()
  }

  /** Looks after work that nobody waits for. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.#context.log.error('pod not looked after', { pod: this.key, error }))
  }

  /** The image is what a pod lets change: the container is restarted with the new one. */
  #renewSpecs(): void {
    const specs = allContainers(this.#pod)
    for (const container of this.#containers) {
      const spec = specs.find(({ name }) => name === container.spec.name)
      if (spec === undefined) continue
      const hasChanged = spec.image !== container.spec.image
      container.spec = spec
      if (!hasChanged || !container.isRunning) continue
      this.#inBackground(container.restart(`Container ${spec.name} definition changed, will be restarted`))
    }
  }

  #judgeDeadline(): void {
    const seconds = this.#pod.spec.activeDeadlineSeconds
    if (seconds === undefined || this.#failure !== undefined) return
    if (!this.#starter.isDue(this.#startedAtMs + seconds * 1000)) return
    const message = 'Pod was active on the node longer than the specified deadline'
    this.#failure = { reason: 'DeadlineExceeded', message }
    this.#save()
  }

  #isDone(): boolean {
    return isDone(
      this.#pod.spec,
      this.#containers.map(({ record }) => record),
    )
  }

  /** Nothing of the pod is started any more: what still runs is stopped. */
  #finish(): Promise<void> {
    this.#finishing ??= this.#stopContainers().catch((error: unknown) => {
      // The next look at the pod tries again.
      this.#finishing = undefined
      throw error
    })
    return this.#finishing
  }

  async #stopContainers(): Promise<void> {
    const grace = new Deadline(this.#context.clock).within(graceSecondsOf(this.#pod) * 1000)
    await stopInOrder(this.#containers, grace.signal)
    grace.cancel()
  }

  /** Starts what may run now: init containers one after another, then the others together. */
  async #drive(): Promise<void> {
    const { spec } = this.#pod
    const policy = spec.restartPolicy ?? 'Always'
    for (const container of this.#containers) {
      if (this.isEnding) return
      const init = spec.initContainers?.find(({ name }) => name === container.spec.name)
      if (init === undefined) {
        await this.#starter.advance(container, policy)
        continue
      }
      if (isInitDone(init, container.record) && !isSidecar(init)) continue
      await this.#starter.advance(container, initPolicy(init, policy))
      if (isInitDone(init, container.record)) continue
      this.#waitForInit()
      return
    }
  }

  #waitForInit(): void {
    for (const container of this.#containers) {
      const { isInit, attempt } = container.record
      if (!isInit && attempt < 0) container.wait('PodInitializing')
    }
  }

  /** Writes the status when it differs from what was written last. */
  async report(): Promise<void> {
    const { clock, hostIp, client, signal } = this.#context
    const containers = this.#containers.map(({ record }) => record)
    const startedAtMs = this.#startedAtMs
    const status = podStatus({
      pod: this.#pod,
      ip: this.ip,
      hostIp,
      startedAtMs,
      containers,
      nowMs: clock.now(),
      reported: this.#reported,
      failure: this.#failure,
    })
    if (JSON.stringify(status) === JSON.stringify(this.#reported)) return
    const body = { metadata: { uid: this.uid }, status: statusPatch(status) }
    try {
      await client.patch(pods, this.key, { kind: 'strategic', body }, { subresource: 'status', signal })
      this.#reported = status
    } catch (error) {
      // The pod is gone, or another one bears its name: the watch tells.
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error
    }
  }

  /**
   * Ends the pod: waits until no data plane uses its address (where asked), stops the containers, and kills what is
   * left when the grace period is over. Idempotent; a later call may shorten the grace period.
   */
  end(graceMs: number, { drain }: { readonly drain: boolean }): Promise<void> {
    this.#grace.within(graceMs)
    this.#ending ??= this.#end(drain).catch((error: unknown) => {
      // Not ended: the next call tries again.
      this.#ending = undefined
      throw error
    })
    return this.#ending
  }

  async #end(drain: boolean): Promise<void> {
    const running = this.#containers.filter(({ isRunning }) => isRunning)
    for (const { spec } of running) this.#event(spec, 'Normal', 'Killing', `Stopping container ${spec.name}`)
    if (drain && running.length > 0) await this.#drained()
    await stopInOrder(this.#containers, this.#grace.signal)
    this.#grace.cancel()
  }

  async #drained(): Promise<void> {
    const { untilDrained, log } = this.#context
    const { signal } = this.#grace
    try {
      await untilAborted(untilDrained(this.ip, signal), signal)
    } catch (error) {
      log.warn('pod stops although its traffic may not have ended', { pod: this.key, why: messageOf(error) })
    }
  }

  /** Forgets the pod: its files and its address. Only after `end`. */
  discard(): void {
    removeDirectory(this.directory)
    this.#context.network.release(this.ip)
  }

  #newContainer(spec: Container, { containers }: PodRecord): ContainerRuntime {
    const { clock, signal } = this.#context
    const record = containers.find(({ name }) => name === spec.name) ?? newContainerRecord(spec.name, false)
    return new ContainerRuntime(spec, record, {
      directory: this.directory,
      ip: this.ip,
      ports: this.#portsOf(spec),
      logBegins: this.#context.logBegins,
      clock,
      signal,
      save: () => this.#save(),
      changed: () => this.#context.wake(this.key, 0),
      event: (type, reason, message) => this.#event(spec, type, reason, message),
      plan: () => planLaunch(this.#context, this.#pod, spec, this.ip),
      graceSeconds: graceSecondsOf(this.#pod),
      failed: (error) => this.#context.log.error('container not looked after', { pod: this.key, error }),
    })
  }

  #portsOf(spec: Container): PortsContext {
    const { owners, servicesOf } = this.#context
    const isFirst = spec.name === this.#pod.spec.containers[0]?.name
    return {
      ip: this.ip,
      answer: (port) => owners.answer(this, port),
      holder: (port) => owners.holder(this, port),
      // No container says that they are its own: the first stands for the pod.
      servicePorts: () => (isFirst ? undeclaredServicePorts(this.#pod, servicesOf(this.namespace)) : []),
    }
  }

  #save(): void {
    const { name = '', namespace = '' } = this.#pod.metadata
    const containers = this.#containers.map(({ record }) => record)
    const { uid, ip } = this
    const failure = this.#failure === undefined ? {} : { failure: this.#failure }
    const startedAtMs = this.#startedAtMs
    saveRecord(this.directory, { version: 1, namespace, name, uid, ip, startedAtMs, containers, ...failure })
  }

  #tellScheduled(): void {
    const { events, nodeName } = this.#context
    const { namespace, name } = this.#pod.metadata
    const pod = this.#pod
    const message = `Successfully assigned ${namespace}/${name} to ${nodeName}`
    events.record({ pod, type: 'Normal', reason: 'Scheduled', message })
    const fields = withoutEffect(pod.spec)
    if (fields.length === 0) return
    const why = `These fields have no effect on a pod that is a local process: ${fields.join(', ')}`
    events.record({ pod, type: 'Warning', reason: 'NotEnforced', message: why })
  }

  #event({ name }: Container, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const list = this.#pod.spec.initContainers?.some((init) => init.name === name) ? 'initContainers' : 'containers'
    this.#context.events.record({ pod: this.#pod, fieldPath: `spec.${list}{${name}}`, type, reason, message })
  }
}

const GRACE_SECONDS_DEFAULT = 30

function graceSecondsOf({ spec }: Pod): number {
  return spec.terminationGracePeriodSeconds ?? GRACE_SECONDS_DEFAULT
}

/** Conditions are merged by type: what an old one said must be taken back. */
function statusPatch(status: PodStatus): unknown {
  const conditions = status.conditions?.map((condition) => ({ reason: null, message: null, ...condition }))
  return { ...status, conditions }
}

function allContainers({ spec }: Pod): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers]
}

/** Init containers are repeated until they succeed, unless the pod is never restarted. */
function initPolicy(init: Container, policy: RestartPolicy): RestartPolicy {
  if (isSidecar(init)) return 'Always'
  return policy === 'Never' ? 'Never' : 'OnFailure'
}
