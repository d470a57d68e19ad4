/**
 * One pod on this machine: its address, its folder, its containers. Level-based: `reconcile` looks at the pod object
 * and at the processes and does what is missing, whatever woke it.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { isReason } from '../../kube/api-error.ts'
import { keyOf } from '../../kube/object.ts'
import type { ObjectKey } from '../../kube/object.ts'
import { pods } from '../../kinds/pod.ts'
import type { Pod } from '../../kinds/pod.ts'
import type { PodNetwork } from '../network.ts'
import { ContainerRuntime, untilAborted } from './container-runtime.ts'
import { ConfigError } from './env.ts'
import type { EventRecorder } from './event-recorder.ts'
import { ImageError, planLaunch } from './launch-plan.ts'
import type { PlanContext } from './launch-plan.ts'
import { newContainerRecord, podDirectory, removeDirectory, saveRecord } from './record.ts'
import type { PodRecord, StoredPod, Termination } from './record.ts'
import { refusal, withoutEffect } from './refuse.ts'
import { isInitDone, isRestarted, isSidecar, podStatus } from './status.ts'
import type { Container, PodStatus, RestartPolicy } from './types.ts'

export interface PodContext extends PlanContext {
  readonly podsDir: string
  readonly network: PodNetwork
  readonly clock: Clock
  readonly log: Log
  readonly events: EventRecorder
  readonly untilDrained: (address: string, signal: AbortSignal) => Promise<void>
  /** The pod has to be looked at again, after the delay. */
  readonly wake: (key: ObjectKey, delayMs: number) => void
}

/** Kubernetes' restart back-off: the first restart is immediate, then 10 s, 20 s, … */
const RESTART_FIRST_MS = 10_000
const RESTART_MAX_MS = 5 * 60_000
/** Between looks at a missing image or a missing ConfigMap. */
const IMAGE_RETRY_FIRST_MS = 10_000
const IMAGE_RETRY_MAX_MS = 5 * 60_000
const CONFIG_RETRY_MS = 5000

export class PodRuntime {
  readonly key: ObjectKey
  readonly uid: string
  readonly ip: string
  readonly directory: string
  readonly #context: PodContext
  readonly #startedAtMs: number
  readonly #containers: readonly ContainerRuntime[]
  readonly #imageFailures = new Map<string, number>()
  readonly #graceOver = new AbortController()
  #pod: Pod
  #reported: PodStatus | undefined
  #graceTimer: Timer | undefined
  #graceEndMs = Number.POSITIVE_INFINITY
  #ending: Promise<void> | undefined

  constructor(context: PodContext, pod: Pod, record: PodRecord) {
    this.#context = context
    this.#pod = pod
    this.key = keyOf(pod)
    this.uid = record.uid
    this.ip = record.ip
    this.#startedAtMs = record.startedAtMs
    this.directory = podDirectory(context.podsDir, record)
    this.#containers = allContainers(pod).map((spec) => this.#newContainer(spec, record))
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

  /** Brings the pod closer to its spec and reports its status. */
  async reconcile(pod: Pod): Promise<void> {
    this.#pod = pod
    if (this.isEnding) return
    await this.#drive()
    await this.report()
  }

  /** Starts what may run now: init containers one after another, then the others together. */
  async #drive(): Promise<void> {
    const { spec } = this.#pod
    const policy = spec.restartPolicy ?? 'Always'
    for (const container of this.#containers) {
      if (this.isEnding) return
      const init = spec.initContainers?.find(({ name }) => name === container.spec.name)
      if (init === undefined) {
        await this.#advance(container, policy)
        continue
      }
      if (isInitDone(init, container.record) && !isSidecar(init)) continue
      await this.#advance(container, initPolicy(init, policy))
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

  async #advance(container: ContainerRuntime, policy: RestartPolicy): Promise<void> {
    const { phase } = container.record
    switch (phase.kind) {
      case 'running':
      case 'starting':
        return
      case 'terminated':
        if (!isRestarted(policy, phase.termination)) return
        if (!this.#backOff(container, phase.termination)) await this.#start(container)
        return
      case 'waiting':
        if (!this.#isDue(phase.untilMs)) return
        await this.#start(container)
    }
  }

  /** True while the time for the next attempt has not come. */
  #backOff(container: ContainerRuntime, { finishedAtMs }: Termination): boolean {
    const { crashes } = container.record
    const delayMs = crashes < 2 ? 0 : Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** (crashes - 2))
    const untilMs = finishedAtMs + delayMs
    if (this.#isDue(untilMs)) return false
    const { name, namespace, uid } = this.#pod.metadata
    const who = `${container.spec.name} in pod ${name}_${namespace}(${uid})`
    container.wait('CrashLoopBackOff', `back-off ${delayMs / 1000}s restarting failed container=${who}`, untilMs)
    this.#event(container.spec, 'Warning', 'BackOff', `Back-off restarting failed container ${who}`)
    return true
  }

  #isDue(untilMs: number | undefined): boolean {
    const restMs = (untilMs ?? 0) - this.#context.clock.now()
    if (restMs <= 0) return true
    this.#context.wake(this.key, restMs)
    return false
  }

  async #start(container: ContainerRuntime): Promise<void> {
    const { spec } = container
    const refused = refusal(spec)
    if (refused !== undefined) {
      const isNew = container.wait('CreateContainerConfigError', refused)
      if (isNew) this.#event(spec, 'Warning', 'Failed', `Error: ${refused}`)
      return
    }
    try {
      const plan = await planLaunch(this.#context, this.#pod, spec, this.ip)
      if (this.isEnding) return
      this.#imageFailures.delete(spec.name)
      this.#event(spec, 'Normal', 'Pulled', `Container image "${spec.image}" is mapped to a program on this machine`)
      this.#event(spec, 'Normal', 'Created', `Created container: ${spec.name}`)
      container.start(plan)
    } catch (error) {
      if (error instanceof ImageError) this.#withoutImage(container, error)
      else if (error instanceof ConfigError) this.#withoutConfig(container, error)
      else throw error
    }
  }

  #withoutImage(container: ContainerRuntime, { code, message }: ImageError): void {
    const { spec } = container
    const failures = this.#imageFailures.get(spec.name) ?? 0
    this.#imageFailures.set(spec.name, failures + 1)
    const delayMs = Math.min(IMAGE_RETRY_MAX_MS, IMAGE_RETRY_FIRST_MS * 2 ** failures)
    const isFirst = failures === 0 || code === 'InvalidImageName'
    container.wait(isFirst ? code : 'ImagePullBackOff', message, this.#context.clock.now() + delayMs)
    this.#context.wake(this.key, delayMs)
    if (isFirst) this.#event(spec, 'Warning', 'Failed', `Failed to pull image "${spec.image}": ${message}`)
    else this.#event(spec, 'Normal', 'BackOff', `Back-off pulling image "${spec.image}"`)
  }

  #withoutConfig(container: ContainerRuntime, { code, message }: ConfigError): void {
    container.wait(code, message, this.#context.clock.now() + CONFIG_RETRY_MS)
    this.#context.wake(this.key, CONFIG_RETRY_MS)
    this.#event(container.spec, 'Warning', 'Failed', `Error: ${message}`)
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
    this.#limitGrace(graceMs)
    this.#ending ??= this.#end(drain)
    return this.#ending
  }

  #limitGrace(graceMs: number): void {
    const { clock } = this.#context
    const endMs = clock.now() + graceMs
    if (endMs >= this.#graceEndMs) return
    this.#graceEndMs = endMs
    this.#graceTimer?.cancel()
    this.#graceTimer = clock.after(graceMs, () => this.#graceOver.abort())
  }

  async #end(drain: boolean): Promise<void> {
    const running = this.#containers.filter(({ isRunning }) => isRunning)
    for (const { spec } of running) this.#event(spec, 'Normal', 'Killing', `Stopping container ${spec.name}`)
    if (drain && running.length > 0) await this.#drained()
    await Promise.all(this.#containers.map((container) => container.stop(this.#graceOver.signal)))
    this.#graceTimer?.cancel()
  }

  async #drained(): Promise<void> {
    const { untilDrained, log } = this.#context
    const { signal } = this.#graceOver
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
      clock,
      signal,
      save: () => this.#save(),
      changed: () => this.#context.wake(this.key, 0),
      event: (type, reason, message) => this.#event(spec, type, reason, message),
      plan: () => planLaunch(this.#context, this.#pod, spec, this.ip),
    })
  }

  #save(): void {
    const { name = '', namespace = '' } = this.#pod.metadata
    const containers = this.#containers.map(({ record }) => record)
    const { uid, ip } = this
    saveRecord(this.directory, { version: 1, namespace, name, uid, ip, startedAtMs: this.#startedAtMs, containers })
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
