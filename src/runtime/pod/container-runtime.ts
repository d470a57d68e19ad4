/**
 * One container: its attempts, one process at a time. It decides nothing about restarts; it starts, watches, probes
 * and stops, and keeps the record that outlives this process true at every moment.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import { findProgram } from '../process/find-program.ts'
import { bootId, signalProcess } from '../../base/process-identity.ts'
import type { ProcessIdentity } from '../../base/process-identity.ts'
import { CONTAINER_MARK, killContainer } from '../process/container-processes.ts'
import type { ContainerIdentity } from '../process/container-processes.ts'
import { LaunchError, adopt, launch, resolveAttempt } from '../process/launch.ts'
import type { ContainerProcess, Exit } from '../process/launch.ts'
import { explainInUse, findObstacle } from './container-ports.ts'
import type { PortsContext } from './container-ports.ts'
import { ContainerProbes } from './container-probes.ts'
import { runHandler, runProgram } from './handler.ts'
import type { ProbeTarget } from './handler.ts'
import { containerFiles, removeAttempt } from './record.ts'
import type { ContainerFiles, ContainerPhase, ContainerRecord } from './record.ts'
import { UNKNOWN_EXIT, containerIdOf, lastLines, startError, stopSignal, terminationOf } from './termination.ts'
import type { Container, LifecycleHandler } from './types.ts'
import { Deadline, untilAborted } from './until-aborted.ts'

/** All that is needed to start the program. */
export interface LaunchPlan {
  /** The image's full name. */
  readonly image: string
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly workingDir: string
}

export interface ContainerContext {
  readonly directory: string
  readonly ip: string
  readonly ports: PortsContext
  /** The container writes to this file from now on. */
  readonly logBegins: (file: string) => void
  readonly clock: Clock
  /** Ends the watching; processes live on. */
  readonly signal: AbortSignal
  /** Writes the record; it is safe on disk when this returns. */
  readonly save: () => void
  /** The record changed: the pod has to be looked at again. */
  readonly changed: () => void
  readonly event: (type: 'Normal' | 'Warning', reason: string, message: string) => void
  /** How the program would be started now, for probes and hooks that run a command. */
  readonly plan: () => Promise<LaunchPlan>
  /** The pod's `terminationGracePeriodSeconds`, for restarts. */
  readonly graceSeconds: number
  /** Told of what went wrong where nobody waits: a bug, or a disk that takes no more. */
  readonly failed: (error: unknown) => void
}

interface EndedOptions {
  readonly startedAtMs: number
  readonly finishedAtMs: number
  readonly obstacle: string | undefined
}

type StartingPhase = Extract<ContainerPhase, { kind: 'starting' }>
type RunningPhase = Extract<ContainerPhase, { kind: 'running' }>

/** A container that ran this long begins its back-off anew. */
const CRASHES_FORGOTTEN_AFTER_MS = 10 * 60_000
/** Between SIGTERM and SIGKILL when the grace period was used up before. */
const TERM_MIN_MS = 1000
/** A program that begins may be answered for by another one until it listens: that is not worth an event. */
const OBSTACLE_TOLD_AFTER_MS = 2000
/** Hooks have no time limit of their own; a preStop hook also ends with the grace period. */
const HOOK_MS_MAX = 60 * 60_000

export class ContainerRuntime {
  /** The pod's newest spec of this container: the next attempt uses it. */
  spec: Container
  readonly #context: ContainerContext
  #record: ContainerRecord
  /** Resolves once nothing runs of the last attempt and its end is recorded. */
  #over: Promise<void> = Promise.resolve()
  #probes: ContainerProbes | undefined
  #isStopping = false
  /** What the probes said last; the ports may say otherwise. */
  #wantsReady = false
  #toldObstacle: string | undefined

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

  /** Of the running container. */
  get identity(): ContainerIdentity | undefined {
    const { phase } = this.#record
    return phase.kind === 'running' ? this.#identityOf(phase.identity) : undefined
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
    if (this.#record.phase.kind === 'starting') await this.#settleStart(this.#record.phase)
    const { phase } = this.#record
    if (phase.kind !== 'running') return
    const adopted = adopt(phase.identity, this.#context.clock, this.#context.signal)
    if (adopted === undefined) await this.#untilOver(Promise.resolve(UNKNOWN_EXIT), phase)
    else this.#watch(adopted, phase)
  }

  /** The earlier control died between announcing the attempt and noting its process. */
  async #settleStart(phase: StartingPhase): Promise<void> {
    const identity = await resolveAttempt(this.files.pid, phase.bootId, this.#context.clock)
    const { startedAtMs, restartsBefore: restarts } = phase
    if (identity === undefined) this.#update({ restarts, phase: { kind: 'waiting', reason: 'ContainerCreating' } })
    else this.#update({ phase: { kind: 'running', identity, startedAtMs, started: false, ready: false } })
  }

  /** Says why the container does not run yet. False: that was known. */
  wait(reason: string, message?: string, untilMs?: number): boolean {
    const { phase } = this.#record
    const isSame = phase.kind === 'waiting' && phase.reason === reason && phase.message === message
    if (isSame && phase.untilMs === untilMs) return false
    const last = phase.kind === 'terminated' ? { last: phase.termination } : {}
    const why = message === undefined ? {} : { message }
    const until = untilMs === undefined ? {} : { untilMs }
    this.#update({ ...last, phase: { kind: 'waiting', reason, ...why, ...until } })
    return true
  }

  /** Begins the next attempt. */
  start(plan: LaunchPlan): void {
    const startedAtMs = this.#context.clock.now()
    this.#announce(plan, startedAtMs)
    const started = this.#tryLaunch(plan, startedAtMs)
    if (started === undefined) return
    const { identity } = started
    const phase = { kind: 'running', identity, startedAtMs, started: false, ready: false } as const
    try {
      this.#update({ phase })
    } finally {
      // It runs now, noted or not.
      this.#watch(started, phase)
    }
    this.#context.event('Normal', 'Started', `Started container ${this.spec.name}`)
  }

  #tryLaunch(plan: LaunchPlan, startedAtMs: number): ContainerProcess | undefined {
    try {
      return this.#launch(plan)
    } catch (error) {
      const message = messageOf(error)
      const termination = startError(message, startedAtMs, this.#context.clock.now())
      this.#update({ crashes: this.#record.crashes + 1, phase: { kind: 'terminated', termination } })
      this.#context.event('Warning', 'Failed', `Error: ${message}`)
      return undefined
    }
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
    // The attempt before stays for `kubectl logs --previous`.
    removeAttempt(this.filesOf(attempt - 1))
  }

  #launch({ command: [name = '', ...args], env, workingDir }: LaunchPlan): ContainerProcess {
    const { folder, log, pid } = this.files
    const program = findProgram(name, env['PATH'] ?? '', workingDir)
    if (program === undefined) throw new LaunchError(`exec: "${name}": no such program on this machine`)
    if (!existsSync(workingDir)) throw new LaunchError(`workingDir "${workingDir}": no such folder on this machine`)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return launch({ command: [program, ...args], env, workingDir, logFile: log, pidFile: pid })
  }

  #watch({ exited }: ContainerProcess, phase: RunningPhase): void {
    this.#isStopping = false
    this.#wantsReady = false
    this.#context.logBegins(this.files.log)
    this.#over = this.#untilOver(exited, phase).catch(this.#context.failed)
    const hook = this.spec.lifecycle?.postStart
    if (hook === undefined || phase.started) this.#probe()
    else this.#postStart(hook, phase).catch(this.#context.failed)
  }

  /** What the first process leaves behind ends with it, as in a process namespace. */
  async #untilOver(exited: Promise<Exit>, { identity, startedAtMs }: RunningPhase): Promise<void> {
    const exit = await exited
    const finishedAtMs = this.#context.clock.now()
    this.#probes?.close()
    if (this.#context.signal.aborted) return
    await killContainer(this.#identityOf(identity))
    const obstacle = await this.#inUse(exit)
    if (obstacle !== undefined) this.#tellObstacle(obstacle)
    this.#ended(exit, { startedAtMs, finishedAtMs, obstacle })
  }

  #identityOf(first: ProcessIdentity): ContainerIdentity {
    return { first, pidFile: this.files.pid, logFile: this.files.log }
  }

  /** Nothing asks the container before its postStart hook has done its work. */
  async #postStart(hook: LifecycleHandler, { identity }: RunningPhase): Promise<void> {
    const result = await this.#runHook(hook, this.#context.signal)
    const { phase } = this.#record
    if (phase.kind !== 'running' || phase.identity.pid !== identity.pid || this.#isStopping) return
    if (result.ok) {
      this.#probe()
      return
    }
    this.#context.event('Warning', 'FailedPostStartHook', `PostStartHook failed: ${result.message}`)
    await this.restart('FailedPostStartHook')
  }

  #probe(): void {
    this.#probes = new ContainerProbes(this.spec, this.#record, {
      ...this.#context,
      target: this.#target(),
      report: (change) => this.#probed(change),
      kill: (why) => {
        this.restart(why, this.spec.livenessProbe?.terminationGracePeriodSeconds).catch(this.#context.failed)
      },
    })
  }

  #target(): ProbeTarget {
    const { ip, plan, ports } = this.#context
    return {
      ip,
      answer: ports.answer,
      ports: this.spec.ports ?? [],
      exec: async (command, signal) => {
        const { env, workingDir } = await plan()
        const mark = { [CONTAINER_MARK]: this.files.pid }
        return runProgram(command, { env: { ...env, ...mark }, cwd: workingDir }, signal)
      },
    }
  }

  #probed(change: { readonly started?: boolean; readonly ready?: boolean }): void {
    const { phase } = this.#record
    if (phase.kind !== 'running') return
    this.#wantsReady = change.ready ?? this.#wantsReady
    if (change.ready === true && !phase.ready) {
      this.lookAtPorts().catch(this.#context.failed)
      return
    }
    const next = { ...phase, ...change }
    if (next.started !== phase.started || next.ready !== phase.ready) this.#update({ phase: next })
  }

  /** Finds out whether connections to its ports reach the container: only then it is ready. */
  async lookAtPorts(): Promise<void> {
    const { attempt, phase: before } = this.#record
    if (before.kind !== 'running') return
    const obstacle = await findObstacle(this.spec, this.#context.ports)
    const { phase } = this.#record
    if (phase.kind !== 'running' || this.#record.attempt !== attempt) return
    const ready = phase.ready || (this.#wantsReady && !this.#isStopping)
    if (ready !== phase.ready || obstacle !== this.#record.obstacle) {
      this.#update({ phase: { ...phase, ready }, obstacle })
    }
    const isNew = obstacle !== this.#toldObstacle
    const hasLasted = this.#context.clock.now() - phase.startedAtMs >= OBSTACLE_TOLD_AFTER_MS
    if (obstacle === undefined) this.#toldObstacle = undefined
    else if (isNew && hasLasted) this.#tellObstacle(obstacle)
  }

  #tellObstacle(obstacle: string): void {
    this.#toldObstacle = obstacle
    this.#context.event('Warning', 'PortNotOwn', obstacle)
  }

  /** Why a program that could not listen could not. Only a hint: the container has ended with it or without. */
  async #inUse(exit: Exit): Promise<string | undefined> {
    if (exit.kind !== 'exited' || exit.code === 0 || this.#isStopping) return undefined
    try {
      return await explainInUse(lastLines(this.files.log), this.spec, this.#context.ports)
    } catch (error) {
      this.#context.failed(error)
      return undefined
    }
  }

  #ended(exit: Exit, { obstacle, ...times }: EndedOptions): void {
    const { phase, crashes } = this.#record
    if (phase.kind !== 'running' || this.#context.signal.aborted) return
    const hasRunLong = times.finishedAtMs - times.startedAtMs >= CRASHES_FORGOTTEN_AFTER_MS
    // An end that was asked for, or that nobody saw, says nothing against the program.
    const isCrash = exit.kind === 'exited' && !this.#isStopping
    const termination = {
      ...terminationOf(exit),
      ...this.#lastWords(exit, obstacle),
      containerId: containerIdOf(phase.identity),
      ...times,
    }
    const next = hasRunLong ? 1 : crashes + 1
    this.#update({ crashes: isCrash ? next : crashes, phase: { kind: 'terminated', termination }, obstacle })
  }

  /** The message of a failed container: the end of its log where it asks for that, and why it could not listen. */
  #lastWords(exit: Exit, obstacle: string | undefined): { readonly message?: string } {
    const isWanted = this.spec.terminationMessagePolicy === 'FallbackToLogsOnError'
    const hasFailed = exit.kind === 'exited' && exit.code !== 0
    const words = isWanted && hasFailed ? lastLines(this.files.log) : ''
    const message = [words, obstacle ?? ''].filter((part) => part !== '').join('\n')
    return message === '' ? {} : { message }
  }

  /** Stops the process because something is wrong with it: that counts as a crash. What follows is the pod's to say. */
  async restart(why: string, graceSeconds = this.#context.graceSeconds): Promise<void> {
    this.#context.event('Normal', 'Killing', why)
    this.#update({ crashes: this.#record.crashes + 1 })
    const deadline = new Deadline(this.#context.clock).within(graceSeconds * 1000)
    await this.stop(deadline.signal)
    deadline.cancel()
  }

  /**
   * Stops the container: preStop hook, then, once `turn` has come, SIGTERM to its first process, and SIGKILL once
   * `graceOver` aborts. Resolves when nothing of it is left.
   */
  async stop(graceOver: AbortSignal, turn: Promise<unknown> = Promise.resolve()): Promise<void> {
    const { phase } = this.#record
    if (phase.kind !== 'running') return
    this.#isStopping = true
    this.#probes?.close()
    await this.#preStop(graceOver)
    await untilAborted(Promise.race([turn, this.#over]), graceOver)
    signalProcess(phase.identity, stopSignal(this.spec.lifecycle?.stopSignal))
    const least = new Deadline(this.#context.clock).within(TERM_MIN_MS)
    const over = graceOver.aborted ? least.signal : graceOver
    await untilAborted(this.#over, AbortSignal.any([over, this.#context.signal]))
    least.cancel()
    signalProcess(phase.identity, 'SIGKILL')
    await untilAborted(this.#over, this.#context.signal)
  }

  async #preStop(graceOver: AbortSignal): Promise<void> {
    const hook = this.spec.lifecycle?.preStop
    if (hook === undefined || graceOver.aborted) return
    const result = await untilAborted(this.#runHook(hook, graceOver), graceOver)
    if (result?.ok !== false) return
    this.#context.event('Warning', 'FailedPreStopHook', `PreStopHook failed: ${result.message}`)
  }

  async #runHook(hook: LifecycleHandler, signal: AbortSignal): ReturnType<typeof runHandler> {
    if (hook.sleep === undefined) return runHandler(hook, this.#target(), HOOK_MS_MAX)
    await untilAborted(sleep(this.#context.clock, hook.sleep.seconds * 1000, signal), signal)
    return { ok: true }
  }

  #update(change: Partial<ContainerRecord>): void {
    this.#record = { ...this.#record, ...change }
    try {
      this.#context.save()
    } finally {
      this.#context.changed()
    }
  }
}
