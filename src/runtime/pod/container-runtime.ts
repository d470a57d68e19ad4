/**
 * One container: its attempts, one process at a time. It decides nothing about restarts; it starts, watches, probes
 * and stops, and keeps the record that outlives this process true at every moment.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { isAbort, messageOf } from '../../base/errors.ts'
import { findProgram } from '../process/find-program.ts'
import { bootId, hasGroup, signalGroup } from '../process/identity.ts'
import { LaunchError, adopt, launch, resolveAttempt } from '../process/launch.ts'
import type { ContainerProcess, Exit } from '../process/launch.ts'
import { ContainerProbes } from './container-probes.ts'
import { runHandler, runProgram } from './handler.ts'
import type { ProbeTarget } from './handler.ts'
import { containerFiles } from './record.ts'
import type { ContainerFiles, ContainerRecord, Termination } from './record.ts'
import type { Container } from './types.ts'

/** All that is needed to start the program. */
export interface LaunchPlan {
  readonly image: string
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly workingDir: string
}

export interface ContainerContext {
  readonly directory: string
  readonly ip: string
  readonly clock: Clock
  /** Ends the watching; processes live on. */
  readonly signal: AbortSignal
  /** Writes the record; it is safe on disk when this returns. */
  readonly save: (record: ContainerRecord) => void
  /** The record changed: the pod has to be looked at again. */
  readonly changed: () => void
  readonly event: (type: 'Normal' | 'Warning', reason: string, message: string) => void
  /** How the program would be started now, for probes and hooks of an adopted process. */
  readonly plan: () => Promise<LaunchPlan>
}

/** A container that ran this long begins its back-off anew. */
const CRASHES_FORGOTTEN_AFTER_MS = 10 * 60_000
/** Kubernetes' exit code where a program cannot be started. */
const START_ERROR_CODE = 128
/** Kubernetes' stand-in for an exit code that nobody saw. */
const UNKNOWN_EXIT_CODE = 137
/** Between SIGTERM and SIGKILL when the grace period was used up before. */
const TERM_MIN_MS = 1000
const GROUP_POLL_MS = 20

export class ContainerRuntime {
  spec: Container
  readonly #context: ContainerContext
  #record: ContainerRecord
  #process: ContainerProcess | undefined
  #probes: ContainerProbes | undefined
  #isStopping = false

  constructor(spec: Container, record: ContainerRecord, context: ContainerContext) {
    this.spec = spec
    this.#record = record
    this.#context = context
  }

  get record(): ContainerRecord {
    return this.#record
  }

  get isRunning(): boolean {
    return this.#record.phase.kind === 'running'
  }

  /** The files of the last attempt begun. */
  get files(): ContainerFiles {
    return this.filesOf(this.#record.attempt)
  }

  filesOf(attempt: number): ContainerFiles {
    return containerFiles(this.#context.directory, this.#record.name, attempt)
  }

  /** Finds out what became of the container since the record was written; takes a living process over. */
  async restore(): Promise<void> {
    const { phase } = this.#record
    if (phase.kind === 'starting') await this.#settleStart(phase)
    if (this.#record.phase.kind !== 'running') return
    const { identity, startedAtMs } = this.#record.phase
    const adopted = adopt(identity, this.#context.clock, this.#context.signal)
    if (adopted === undefined) this.#ended({ kind: 'unknown' }, startedAtMs)
    else this.#watch(adopted, startedAtMs)
  }

  /** The earlier control died between announcing the attempt and noting its process. */
  async #settleStart(phase: StartingPhase): Promise<void> {
    const identity = await resolveAttempt(this.files.pid, phase.bootId, this.#context.clock)
    if (identity === undefined) {
      const waiting = { kind: 'waiting', reason: 'ContainerCreating' } as const
      this.#update({ restarts: phase.restartsBefore, phase: waiting })
      return
    }
    const { startedAtMs } = phase
    this.#update({ phase: { kind: 'running', identity, startedAtMs, started: false, ready: false } })
  }

  /** Says why the container does not run yet. False: that was known. */
  wait(reason: string, message?: string, untilMs?: number): boolean {
    const { phase } = this.#record
    const isSame = phase.kind === 'waiting' && phase.reason === reason && phase.message === message
    if (isSame && phase.untilMs === untilMs) return false
    const last = phase.kind === 'terminated' ? { last: phase.termination } : {}
    const waiting = {
      kind: 'waiting' as const,
      reason,
      ...(message === undefined ? {} : { message }),
      ...(untilMs === undefined ? {} : { untilMs }),
    }
    this.#update({ ...last, phase: waiting })
    return true
  }

  /** Begins the next attempt. */
  start(plan: LaunchPlan): void {
    const { clock } = this.#context
    const startedAtMs = clock.now()
    this.#announce(plan, startedAtMs)
    try {
      const started = this.#launch(plan)
      const { identity } = started
      this.#update({ phase: { kind: 'running', identity, startedAtMs, started: false, ready: false } })
      this.#watch(started, startedAtMs)
      this.#context.event('Normal', 'Started', `Started container ${this.spec.name}`)
    } catch (error) {
      if (!(error instanceof LaunchError)) throw error
      this.#failedToStart(error.message, startedAtMs)
    }
  }

  #launch({ command: [name = '', ...args], env, workingDir }: LaunchPlan): ContainerProcess {
    const { folder, log, pid } = this.files
    const program = findProgram(name, env['PATH'] ?? '', workingDir)
    if (program === undefined) throw new LaunchError(`exec: "${name}": no such program on this machine`)
    if (!existsSync(workingDir)) throw new LaunchError(`workingDir "${workingDir}": no such folder on this machine`)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return launch({ command: [program, ...args], env, workingDir, logFile: log, pidFile: pid })
  }

  /** From here on the attempt may run, whatever happens to us. */
  #announce({ image }: LaunchPlan, startedAtMs: number): void {
    const { attempt, restarts, last, phase } = this.#record
    const previous = phase.kind === 'terminated' ? phase.termination : last
    this.#update({
      attempt: attempt + 1,
      restarts: previous === undefined ? 0 : restarts + 1,
      ...(previous === undefined ? {} : { last: previous }),
      image,
      phase: { kind: 'starting', bootId: bootId(), startedAtMs, restartsBefore: restarts },
    })
  }

  /** The attempt ended before it began: no such program, no such folder. */
  #failedToStart(message: string, startedAtMs: number): void {
    const finishedAtMs = this.#context.clock.now()
    const termination = {
      exitCode: START_ERROR_CODE,
      reason: 'StartError',
      message,
      startedAtMs,
      finishedAtMs,
      containerId: '',
    }
    this.#update({ crashes: this.#record.crashes + 1, phase: { kind: 'terminated', termination } })
    this.#context.event('Warning', 'Failed', `Error: ${message}`)
  }

  #watch(process: ContainerProcess, startedAtMs: number): void {
    this.#process = process
    this.#probes = new ContainerProbes(this.spec, this.#record, {
      ...this.#context,
      target: this.#target(),
      report: (change) => this.#probed(change),
      kill: (why) => void this.#restart(why),
    })
    void process.exited.then(
      (exit) => this.#ended(exit, startedAtMs),
      () => {},
    )
  }

  #target(): ProbeTarget {
    const { ip, plan } = this.#context
    return {
      ip,
      ports: this.spec.ports ?? [],
      exec: async (command, signal) => {
        const { env, workingDir } = await plan()
        return runProgram(command, { env, cwd: workingDir }, signal)
      },
    }
  }

  #probed(change: { readonly started?: boolean; readonly ready?: boolean }): void {
    const { phase } = this.#record
    if (phase.kind !== 'running') return
    const next = { ...phase, ...change }
    if (next.started === phase.started && next.ready === phase.ready) return
    this.#update({ phase: next })
  }

  #ended(exit: Exit, startedAtMs: number): void {
    const { phase, crashes } = this.#record
    if (phase.kind !== 'running' || this.#context.signal.aborted) return
    this.#probes?.close()
    // While it is being stopped, what the process started gets its share of the grace period.
    if (!this.#isStopping) signalGroup(phase.identity, 'SIGKILL')
    const finishedAtMs = this.#context.clock.now()
    const hasRunLong = finishedAtMs - startedAtMs >= CRASHES_FORGOTTEN_AFTER_MS
    const containerId = containerIdOf(phase.identity)
    const termination = { ...terminationOf(exit), containerId, startedAtMs, finishedAtMs }
    // An end that was asked for, or that nobody saw, says nothing against the program.
    const isCrash = exit.kind === 'exited' && !this.#isStopping
    const next = hasRunLong ? 1 : crashes + 1
    this.#update({ crashes: isCrash ? next : crashes, phase: { kind: 'terminated', termination } })
  }

  async #restart(why: string): Promise<void> {
    const graceMs = (this.spec.livenessProbe?.terminationGracePeriodSeconds ?? 30) * 1000
    this.#context.event('Normal', 'Killing', why)
    await this.stop(AbortSignal.timeout(graceMs))
    this.#isStopping = false
    this.#update({ crashes: this.#record.crashes + 1 })
  }

  /**
   * Stops the process and its group: preStop hook, SIGTERM, and SIGKILL once `graceOver` aborts. Resolves when
   * nothing of it is left.
   */
  async stop(graceOver: AbortSignal): Promise<void> {
    const { phase } = this.#record
    const running = this.#process
    if (phase.kind !== 'running' || running === undefined) return
    this.#isStopping = true
    this.#probes?.close()
    await this.#preStop(graceOver)
    signalGroup(phase.identity, 'SIGTERM')
    const over = AbortSignal.any([graceOver, this.#context.signal])
    const enough = graceOver.aborted ? AbortSignal.timeout(TERM_MIN_MS) : over
    await untilAborted(this.#untilGroupGone(running, enough), enough)
    signalGroup(phase.identity, 'SIGKILL')
    await untilAborted(running.exited, this.#context.signal)
  }

  async #untilGroupGone({ exited, identity }: ContainerProcess, signal: AbortSignal): Promise<void> {
    await exited
    while (hasGroup(identity) && !signal.aborted) await sleep(this.#context.clock, GROUP_POLL_MS, signal)
  }

  async #preStop(graceOver: AbortSignal): Promise<void> {
    const hook = this.spec.lifecycle?.preStop
    if (hook === undefined || graceOver.aborted) return
    if (hook.sleep !== undefined) {
      await untilAborted(sleep(this.#context.clock, hook.sleep.seconds * 1000, graceOver), graceOver)
      return
    }
    const result = await untilAborted(runHandler(hook, this.#target(), PRE_STOP_MS_MAX), graceOver)
    if (result !== undefined && !result.ok) {
      this.#context.event('Warning', 'FailedPreStopHook', `PreStopHook failed: ${result.message}`)
    }
  }

  #update(change: Partial<ContainerRecord>): void {
    this.#record = { ...this.#record, ...change }
    this.#context.save(this.#record)
    this.#context.changed()
  }
}

type StartingPhase = Extract<ContainerRecord['phase'], { kind: 'starting' }>

/** The grace period ends a hook sooner. */
const PRE_STOP_MS_MAX = 60 * 60_000

/** The result, or undefined when the signal aborts first. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) {
    work.catch(() => {})
    return undefined
  }
  const aborted = Promise.withResolvers<undefined>()
  const stop = (): void => aborted.resolve(undefined)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } catch (error) {
    if (isAbort(error, signal)) return undefined
    throw new Error(messageOf(error), { cause: error })
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function terminationOf(exit: Exit): Pick<Termination, 'exitCode' | 'signal' | 'reason' | 'message'> {
  if (exit.kind === 'unknown') {
    const message = 'The process ended while nobody watched it: it was started by an earlier run of Sluice'
    return { exitCode: UNKNOWN_EXIT_CODE, reason: 'ContainerStatusUnknown', message }
  }
  const { code, signal } = exit
  return { exitCode: code, reason: code === 0 ? 'Completed' : 'Error', ...(signal === undefined ? {} : { signal }) }
}

/** Names one process on one boot of this machine. */
export function containerIdOf({ pid, startTicks }: { readonly pid: number; readonly startTicks: number }): string {
  return `process://${pid}-${startTicks}`
}
