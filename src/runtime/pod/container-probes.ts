/**
 * What a running container is asked: startup probe first, then liveness and readiness side by side. Without a
 * readiness probe it is ready once its first TCP port accepts a connection (decision 0040).
 */
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { runHandler } from './handler.ts'
import type { ProbeTarget } from './handler.ts'
import { probeLoop } from './probe-loop.ts'
import type { ContainerRecord } from './record.ts'
import type { Container, Probe } from './types.ts'

export interface ProbesContext {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly target: ProbeTarget
  readonly report: (change: { readonly started?: boolean; readonly ready?: boolean }) => void
  /** The container has to be restarted. */
  readonly kill: (why: string) => void
  readonly event: (type: 'Normal' | 'Warning', reason: string, message: string) => void
}

/** A container that declares a port and does not open it is taken for ready after this long all the same. */
const READY_WITHOUT_LISTENING_MS = 30_000
const PORT_CHECK_FIRST_MS = 10
const PORT_CHECK_MAX_MS = 250
const PORT_CHECK_GROWTH = 1.25
const PORT_CHECK_TIMEOUT_MS = 1000
/** Between looks while somebody else answers: that does not change from one moment to the next. */
const STRANGER_CHECK_MS = 1000

interface ProbeReaction {
  readonly isEager: boolean
  readonly onHealthy: () => void
  readonly onUnhealthy: (message: string) => void
}

export class ContainerProbes {
  readonly #spec: Container
  readonly #context: ProbesContext
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal

  /** Begins at once; an adopted container keeps what was known about it. */
  constructor(spec: Container, { phase }: ContainerRecord, context: ProbesContext) {
    this.#spec = spec
    this.#context = context
    this.#signal = AbortSignal.any([context.signal, this.#stop.signal])
    const known = phase.kind === 'running' ? phase : { started: false, ready: false }
    if (known.started || spec.startupProbe === undefined) this.#begin(known.ready)
    else this.#untilStarted(spec.startupProbe)
  }

  close(): void {
    this.#stop.abort()
  }

  #untilStarted(probe: Probe): void {
    const stop = this.#run('Startup', probe, {
      isEager: true,
      onHealthy: () => {
        stop.abort()
        this.#begin(false)
      },
      onUnhealthy: () => this.#fail('startup'),
    })
  }

  #begin(isReady: boolean): void {
    const { report } = this.#context
    const { livenessProbe, readinessProbe } = this.#spec
    report({ started: true })
    if (livenessProbe !== undefined) {
      const onUnhealthy = (): void => this.#fail('liveness')
      this.#run('Liveness', livenessProbe, { isEager: false, onHealthy: () => {}, onUnhealthy })
    }
    if (readinessProbe !== undefined) {
      const [onHealthy, onUnhealthy] = [() => report({ ready: true }), () => report({ ready: false })]
      this.#run('Readiness', readinessProbe, { isEager: !isReady, onHealthy, onUnhealthy })
    } else if (!isReady) {
      void this.#untilListening()
    }
  }

  #fail(probe: string): void {
    this.close()
    this.#context.kill(`Container ${this.#spec.name} failed ${probe} probe, will be restarted`)
  }

  #run(kind: string, probe: Probe, reaction: ProbeReaction): AbortController {
    const { clock, target, event } = this.#context
    const stop = new AbortController()
    const signal = AbortSignal.any([this.#signal, stop.signal])
    const onFailure = (message: string): void => event('Warning', 'Unhealthy', `${kind} probe failed: ${message}`)
    void probeLoop({ probe, target, clock, signal, onFailure, ...reaction })
    return stop
  }

  /** Resolves when the container was reported ready. Never rejects. */
  async #untilListening(): Promise<void> {
    const { clock, target, event, report } = this.#context
    const port = target.ports.find(({ protocol = 'TCP' }) => protocol === 'TCP')?.containerPort
    const endMs = clock.now() + READY_WITHOUT_LISTENING_MS
    try {
      for (let delayMs = PORT_CHECK_FIRST_MS; ; delayMs = Math.min(PORT_CHECK_MAX_MS, delayMs * PORT_CHECK_GROWTH)) {
        if (port === undefined) break
        const result = await runHandler({ tcpSocket: { port } }, target, PORT_CHECK_TIMEOUT_MS)
        if (result.ok) break
        if (result.isStranger === true) {
          await sleep(clock, STRANGER_CHECK_MS, this.#signal)
          continue
        }
        if (clock.now() >= endMs) {
          const seconds = READY_WITHOUT_LISTENING_MS / 1000
          event('Warning', 'Unhealthy', `Port ${port} accepts no connections after ${seconds} s; taken for ready`)
          break
        }
        await sleep(clock, delayMs, this.#signal)
      }
      if (!this.#signal.aborted) report({ ready: true })
    } catch (error) {
      if (!this.#signal.aborted) throw error
    }
  }
}
