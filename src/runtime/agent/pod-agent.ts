/** The agent's loop: a queue of pod keys, a runtime per pod, and the way from one to the other. */
import { dirname } from 'node:path'
import type { Random } from '../../base/random.ts'
import { codeOf } from '../../base/errors.ts'
import { WorkQueue } from '../../base/work-queue.ts'
import { failure, isReason } from '../../kube/api-error.ts'
import type { Informer } from '../../kube/informer.ts'
import { keyOf, objectKey } from '../../kube/object.ts'
import type { KubeObject, ObjectKey, ResourceType } from '../../kube/object.ts'
import { pods } from '../../kinds/pod.ts'
import type { Pod } from '../../kinds/pod.ts'
import type { PodLogOptions } from '../logs/options.ts'
import { containerLogs } from '../logs/container-logs.ts'
import { LogKeeper } from '../logs/log-keeper.ts'
import { LogReaders } from '../logs/log-readers.ts'
import { EventRecorder } from '../pod/event-recorder.ts'
import { PortOwners } from '../network/port-owners.ts'
import { PodRuntime } from '../pod/pod-runtime.ts'
import type { PodContext } from '../pod/pod-runtime.ts'
import { loadRecords } from '../pod/record.ts'
import type { StoredPod, UnreadablePod } from '../pod/record.ts'
import { killMarkedBelow } from '../process/container-processes.ts'
import { place } from '../pod/schedule.ts'
import { timestamp } from '../pod/status.ts'
import { untilAborted } from '../pod/until-aborted.ts'
import { endOrphan } from './orphan.ts'
import { watchPorts } from './port-watch.ts'

export interface PodAgentOptions extends Omit<PodContext, 'events' | 'wake' | 'owners' | 'logBegins'> {
  readonly informer: Informer<Pod>
  readonly random: Random
}

interface Binding extends KubeObject {
  readonly target: { readonly apiVersion: string; readonly kind: string; readonly name: string }
}
const bindings: ResourceType<Binding> = { group: '', version: 'v1', kind: 'Binding', plural: 'pods', namespaced: true }

/** Pods that are worked on at the same time. */
const WORKERS = 8
/** A pod deleted without a grace period, or by a namespace that vanished, still gets this long. */
const FORCED_GRACE_MS = 2000
/** `stopAll`: from SIGTERM to SIGKILL, and for the last status writes. */
const STOP_GRACE_MS = 3000
const STOP_REPORT_MS = 700
/** `stopAll`: for work that waits for an API which does not answer any more. */
const STOP_WORKERS_MS = 500

export class PodAgent {
  readonly closed: Promise<void>
  readonly #options: PodAgentOptions
  readonly #context: PodContext
  readonly #queue: WorkQueue<ObjectKey>
  readonly #runtimes = new Map<ObjectKey, PodRuntime>()
  readonly #retiring = new Set<Promise<void>>()
  readonly #logKeeper: LogKeeper
  readonly #logReaders: LogReaders
  readonly #nodeLabels: Readonly<Record<string, string>>
  readonly #finished = Promise.withResolvers<void>()
  #stopped: Promise<void> | undefined

  constructor(options: PodAgentOptions) {
    const { clock, random, client, log, nodeName, signal } = options
    this.#options = options
    this.#queue = new WorkQueue<ObjectKey>({ clock, random })
    const events = new EventRecorder({ client, clock, log, nodeName, signal })
    const owners = new PortOwners(() => [...this.#runtimes.values()])
    this.#context = {
      ...options,
      events,
      owners,
      logBegins: (file) => this.#logKeeper.track(file),
      wake: (key, delayMs) => this.#queue.addAfter(key, delayMs),
    }
    this.#logKeeper = new LogKeeper(clock, log)
    this.#logReaders = new LogReaders(clock)
    this.#nodeLabels = nodeLabels(nodeName)
    this.closed = this.#finished.promise
  }

  /** Takes over the processes of the run before, ends those nobody wants, and begins to work. */
  async start(): Promise<void> {
    const { podsDir, informer, signal } = this.#options
    const earlier = loadRecords(podsDir)
    for (const stored of earlier.pods) await this.#restore(stored)
    await Promise.all(earlier.unreadable.map((found) => this.#endUnreadable(found)))
    const unsubscribe = informer.onChange(({ old, new: now }) => {
      const object = now ?? old
      if (object !== undefined) this.#queue.add(keyOf(object))
    })
    const close = (): void => {
      unsubscribe()
      this.#queue.close()
    }
    if (signal.aborted) close()
    signal.addEventListener('abort', close, { once: true })
    this.#logKeeper.start(() => this.#logFiles(), signal)
    void watchPorts({
      containers: () => [...this.#runtimes.values()].flatMap((runtime) => runtime.containers),
      clock: this.#options.clock,
      failed: (error) => this.#options.log.warn('ports not looked at', { error }),
      signal,
    })
    void this.#run()
  }

  async #restore(stored: StoredPod): Promise<void> {
    const { namespace, name, uid, ip } = stored.record
    const pod = this.#options.informer.get(objectKey(namespace, name))
    // An address of another network is none that the data planes may use: such a pod starts anew.
    const isWanted = pod?.metadata.uid === uid && this.#options.network.reserve(ip)
    if (isWanted) this.#runtimes.set(keyOf(pod), await PodRuntime.restore(this.#context, pod, stored))
    else await endOrphan(stored, this.#context.clock, FORCED_GRACE_MS)
  }

  /** Its pod starts anew, so what runs of it must go. */
  async #endUnreadable({ file, why, keptIn }: UnreadablePod): Promise<void> {
    this.#options.log.error('the state of a pod cannot be read; its folder is set aside, and the pod starts anew', {
      file,
      why,
      keptIn,
    })
    await killMarkedBelow(dirname(file))
  }

  async #run(): Promise<void> {
    await Promise.all(Array.from({ length: WORKERS }, () => this.#work()))
    if (this.#stopped === undefined) await Promise.all(this.#retiring)
    this.#finished.resolve()
  }

  async #work(): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      try {
        await this.#reconcile(key)
        this.#queue.forget(key)
      } catch (error) {
        if (!this.#options.signal.aborted) {
          this.#options.log.warn('pod not brought to its wanted state, trying again', { pod: key, error })
          this.#queue.retry(key)
        }
      } finally {
        this.#queue.done(key)
      }
    }
  }

  async #reconcile(key: ObjectKey): Promise<void> {
    const pod = this.#options.informer.get(key)
    const runtime = this.#runtimes.get(key)
    if (runtime !== undefined && runtime.uid !== pod?.metadata.uid) this.#retire(runtime, FORCED_GRACE_MS)
    if (pod === undefined) return
    if (pod.spec.nodeName !== this.#options.nodeName) return this.#schedule(pod)
    if (pod.metadata.deletionTimestamp !== undefined) return this.#delete(pod)
    const isOver = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
    if (isOver && !this.#runtimes.has(key)) return
    await this.#runtimeOf(pod).reconcile(pod)
  }

  #runtimeOf(pod: Pod): PodRuntime {
    const key = keyOf(pod)
    const existing = this.#runtimes.get(key)
    if (existing !== undefined) return existing
    const runtime = PodRuntime.create(this.#context, pod)
    this.#runtimes.set(key, runtime)
    return runtime
  }

  async #schedule(pod: Pod): Promise<void> {
    const { client, nodeName, signal } = this.#options
    const placement = place(pod, this.#nodeLabels)
    if (placement.kind === 'leave') return
    if (placement.kind === 'unschedulable') return this.#unschedulable(pod, placement.message)
    const { name = '', namespace = '' } = pod.metadata
    const target = { apiVersion: 'v1', kind: 'Node', name: nodeName }
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace }, target }
    try {
      await client.create(bindings, binding, { subresource: 'binding', signal })
    } catch (error) {
      // Bound or gone in the meantime: the watch tells.
      if (!isReason(error, 'Conflict') && !isReason(error, 'NotFound')) throw error
    }
  }

  async #unschedulable(pod: Pod, message: string): Promise<void> {
    const { client, clock, signal } = this.#options
    const known = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
    if (known?.status === 'False' && known.message === message) return
    const lastTransitionTime = timestamp(clock.now())
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime }
    const body = { status: { phase: 'Pending', conditions: [condition] } }
    await client.patch(pods, keyOf(pod), { kind: 'strategic', body }, { subresource: 'status', signal })
    this.#context.events.record({ pod, type: 'Warning', reason: 'FailedScheduling', message })
  }

  /** Ends the pod in the background; with nothing left of it, the object goes too. */
  async #delete(pod: Pod): Promise<void> {
    const key = keyOf(pod)
    const runtime = this.#runtimes.get(key)
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000
    if (runtime !== undefined) {
      const wasEnding = runtime.isEnding
      const ending = runtime.end(graceMs, { drain: true })
      if (!wasEnding) this.#keep(this.#deleteAfter(ending, pod, runtime))
      return
    }
    await this.#deleteObject(pod)
  }

  async #deleteAfter(ending: Promise<void>, pod: Pod, runtime: PodRuntime): Promise<void> {
    try {
      await ending
    } catch (error) {
      this.#options.log.warn('pod not ended, trying again', { pod: runtime.key, error })
      this.#queue.retry(runtime.key)
      return
    }
    if (this.#stopped !== undefined || this.#options.signal.aborted) return
    this.#forget(runtime)
    // From here on the object alone is left: the queue sees to it, again and again if need be.
    this.#queue.add(keyOf(pod))
  }

  async #deleteObject({ metadata: { namespace, name = '', uid } }: Pod): Promise<void> {
    const { client, signal } = this.#options
    const preconditions = uid === undefined ? {} : { preconditions: { uid } }
    try {
      await client.delete(pods, objectKey(namespace, name), { gracePeriodSeconds: 0, ...preconditions, signal })
    } catch (error) {
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error
    }
  }

  /** The object is gone: so must be the processes. */
  #retire(runtime: PodRuntime, graceMs: number): void {
    this.#runtimes.delete(runtime.key)
    this.#keep(this.#endAndDiscard(runtime, graceMs))
  }

  async #endAndDiscard(runtime: PodRuntime, graceMs: number): Promise<void> {
    await runtime.end(graceMs, { drain: false })
    if (!this.#options.signal.aborted) this.#discard(runtime)
  }

  #forget(runtime: PodRuntime): void {
    if (this.#runtimes.get(runtime.key) === runtime) this.#runtimes.delete(runtime.key)
    this.#discard(runtime)
  }

  /** What a reader keeps when this process ends is removed by the next one. */
  #discard(runtime: PodRuntime): void {
    this.#logReaders.whenUnread(runtime.directory, () => {
      if (!this.#options.signal.aborted) runtime.discard()
    })
  }

  /** Work in the background that `closed` and `stopAll` wait for. */
  #keep(work: Promise<void>): void {
    const watched = work
      .catch((error: unknown) => {
        this.#options.log.error('pod not ended cleanly', { code: codeOf(error), error })
      })
      .finally(() => this.#retiring.delete(watched))
    this.#retiring.add(watched)
  }

  stopAll(): Promise<void> {
    this.#stopped ??= this.#stopAll()
    return this.#stopped
  }

  async #stopAll(): Promise<void> {
    this.#queue.close()
    const runtimes = [...this.#runtimes.values()]
    await Promise.all([...runtimes.map((runtime) => runtime.end(STOP_GRACE_MS, { drain: false })), ...this.#retiring])
    const reports = Promise.all(runtimes.map((runtime) => runtime.report().catch(() => {})))
    await untilAborted(reports, AbortSignal.timeout(STOP_REPORT_MS))
    this.#logKeeper.stop()
    await untilAborted(this.closed, AbortSignal.timeout(STOP_WORKERS_MS))
  }

  logs(
    { namespace, pod: name }: { readonly namespace: string; readonly pod: string },
    options: PodLogOptions,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const runtime = this.#runtimes.get(objectKey(namespace, name))
    if (runtime === undefined) {
      const message = `pod "${name}" in namespace "${namespace}" has not run on this machine yet, or not any more`
      throw failure({ code: 400, reason: 'BadRequest', message })
    }
    const { clock } = this.#options
    const source = { pod: name, containers: runtime.containers, keeper: this.#logKeeper, clock }
    return this.#logReaders.read(runtime.directory, containerLogs(source, options, signal))
  }

  #logFiles(): readonly string[] {
    return [...this.#runtimes.values()].flatMap((runtime) =>
      runtime.containers.flatMap((container) => (container.isRunning ? [container.files.log] : [])),
    )
  }
}

function nodeLabels(nodeName: string): Readonly<Record<string, string>> {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  return { 'kubernetes.io/hostname': nodeName, 'kubernetes.io/os': process.platform, 'kubernetes.io/arch': arch }
}
