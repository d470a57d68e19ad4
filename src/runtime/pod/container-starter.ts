/** Decides when a container is started: restart policy, back-off, missing images and missing configuration. */
import type { Clock } from '../../base/clock.ts'
import type { Pod } from '../../kinds/pod.ts'
import type { ContainerRuntime } from './container-runtime.ts'
import { ConfigError } from './env.ts'
import { ImageError, planLaunch } from './launch-plan.ts'
import type { PlanContext } from './launch-plan.ts'
import type { Termination } from './record.ts'
import { refusal } from './refuse.ts'
import { isRestarted } from './status.ts'
import type { Container, RestartPolicy } from './types.ts'

export interface StarterOptions {
  readonly context: PlanContext & { readonly clock: Clock }
  readonly ip: string
  /** The newest known. */
  readonly pod: () => Pod
  /** Nothing is started any more. */
  readonly isEnding: () => boolean
  /** The pod has to be looked at again after this time. */
  readonly wakeAfter: (delayMs: number) => void
  readonly event: (container: Container, type: 'Normal' | 'Warning', reason: string, message: string) => void
}

/** Kubernetes' restart back-off: the first restart is immediate, then 10 s, 20 s, … */
const RESTART_FIRST_MS = 10_000
const RESTART_MAX_MS = 5 * 60_000
/** Between looks at a missing image or a missing ConfigMap. */
const IMAGE_RETRY_FIRST_MS = 10_000
const IMAGE_RETRY_MAX_MS = 5 * 60_000
const CONFIG_RETRY_MS = 5000

export class ContainerStarter {
  readonly #options: StarterOptions
  readonly #imageFailures = new Map<string, number>()

  constructor(options: StarterOptions) {
    this.#options = options
  }

  /** Starts the container if it does not run and its time has come. */
  async advance(container: ContainerRuntime, policy: RestartPolicy): Promise<void> {
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
        if (this.isDue(phase.untilMs)) await this.#start(container)
    }
  }

  /** Whether the time has come; if not, the pod is woken then. */
  isDue(untilMs = 0): boolean {
    const restMs = untilMs - this.#options.context.clock.now()
    if (restMs <= 0) return true
    this.#options.wakeAfter(restMs)
    return false
  }

  /** True while the time for the next attempt has not come. */
  #backOff(container: ContainerRuntime, { finishedAtMs }: Termination): boolean {
    const { crashes } = container.record
    const delayMs = crashes < 2 ? 0 : Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** (crashes - 2))
    const untilMs = finishedAtMs + delayMs
    if (this.isDue(untilMs)) return false
    const { name, namespace, uid } = this.#options.pod().metadata
    const who = `${container.spec.name} in pod ${name}_${namespace}(${uid})`
    container.wait('CrashLoopBackOff', `back-off ${delayMs / 1000}s restarting failed container=${who}`, untilMs)
    this.#options.event(container.spec, 'Warning', 'BackOff', `Back-off restarting failed container ${who}`)
    return true
  }

  async #start(container: ContainerRuntime): Promise<void> {
    const { spec } = container
    const { context, pod, ip, isEnding, event } = this.#options
    const refused = refusal(spec)
    if (refused !== undefined) {
      const isNew = container.wait('CreateContainerConfigError', refused)
      if (isNew) event(spec, 'Warning', 'Failed', `Error: ${refused}`)
      return
    }
    try {
      const plan = await planLaunch(context, pod(), spec, ip)
      if (isEnding()) return
      this.#imageFailures.delete(spec.name)
      event(spec, 'Normal', 'Pulled', `Container image "${spec.image}" is mapped to a program on this machine`)
      event(spec, 'Normal', 'Created', `Created container: ${spec.name}`)
      container.start(plan)
    } catch (error) {
      if (error instanceof ImageError) this.#withoutImage(container, error)
      else if (error instanceof ConfigError) this.#withoutConfig(container, error)
      else throw error
    }
  }

  #withoutImage(container: ContainerRuntime, { code, message }: ImageError): void {
    const { spec } = container
    const { context, event, wakeAfter } = this.#options
    const failures = this.#imageFailures.get(spec.name) ?? 0
    this.#imageFailures.set(spec.name, failures + 1)
    const delayMs = Math.min(IMAGE_RETRY_MAX_MS, IMAGE_RETRY_FIRST_MS * 2 ** failures)
    const isFirst = failures === 0 || code === 'InvalidImageName'
    container.wait(isFirst ? code : 'ImagePullBackOff', message, context.clock.now() + delayMs)
    wakeAfter(delayMs)
    if (isFirst) event(spec, 'Warning', 'Failed', `Failed to pull image "${spec.image}": ${message}`)
    else event(spec, 'Normal', 'BackOff', `Back-off pulling image "${spec.image}"`)
  }

  #withoutConfig(container: ContainerRuntime, { code, message }: ConfigError): void {
    const { context, event, wakeAfter } = this.#options
    container.wait(code, message, context.clock.now() + CONFIG_RETRY_MS)
    wakeAfter(CONFIG_RETRY_MS)
    event(container.spec, 'Warning', 'Failed', `Error: ${message}`)
  }
}
