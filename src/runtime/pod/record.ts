/**
 * What the runtime remembers of a pod across restarts of control: `pod.json` in the pod's folder, written whole and
 * renamed into place, always before the world can differ from it.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf, messageOf } from '../../base/errors.ts'
import type { ProcessIdentity } from '../../base/process-identity.ts'

export interface Termination {
  readonly exitCode: number
  readonly signal?: number
  readonly reason: string
  readonly message?: string
  readonly startedAtMs: number
  readonly finishedAtMs: number
  readonly containerId: string
}

export type ContainerPhase =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message?: string; readonly untilMs?: number }
  /** The next attempt is about to be launched: after a crash here, its pid file tells whether it was. */
  | {
      readonly kind: 'starting'
      readonly bootId: string
      readonly startedAtMs: number
      readonly restartsBefore: number
    }
  | {
      readonly kind: 'running'
      readonly identity: ProcessIdentity
      readonly startedAtMs: number
      /** The startup probe has passed (at once where there is none). */
      readonly started: boolean
      readonly ready: boolean
    }
  | { readonly kind: 'terminated'; readonly termination: Termination }

export interface ContainerRecord {
  readonly name: string
  readonly isInit: boolean
  /** Number of the last attempt begun, the name of its files; -1: none yet. */
  readonly attempt: number
  readonly restarts: number
  /** Ends in a row that count for the restart back-off. */
  readonly crashes: number
  readonly phase: ContainerPhase
  /** How the attempt before ended. */
  readonly last?: Termination
  /** The image's full name, once it was found. */
  readonly image?: string
  /** Why connections to the container's ports do not reach it: it is not ready, whatever its probes say. */
  readonly obstacle?: string | undefined
}

export interface PodRecord {
  readonly version: 1
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly ip: string
  readonly startedAtMs: number
  readonly containers: readonly ContainerRecord[]
  /** The runtime itself ended the pod. */
  readonly failure?: PodFailure
}

export interface PodFailure {
  readonly reason: string
  readonly message: string
}

const FILE = 'pod.json'

export function newContainerRecord(name: string, isInit: boolean): ContainerRecord {
  return { name, isInit, attempt: -1, restarts: 0, crashes: 0, phase: { kind: 'waiting', reason: 'ContainerCreating' } }
}

/** The folder of a pod: readable for people, unique by the uid. */
export function podDirectory(podsDir: string, { namespace, name, uid }: PodIdentity): string {
  return join(podsDir, `${namespace}_${name}_${uid}`)
}

export interface PodIdentity {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** The files of a container. */
export function containerFiles(directory: string, container: string, attempt: number): ContainerFiles {
  const folder = join(directory, container)
  return { folder, log: join(folder, `${attempt}.log`), pid: join(folder, `${attempt}.pid`) }
}

export interface ContainerFiles {
  readonly folder: string
  readonly log: string
  readonly pid: string
}

/** Forgets an attempt: its log, rotated log, times and pid file. */
export function removeAttempt({ log, pid }: ContainerFiles): void {
  for (const file of [log, `${log}.1`, `${log}.times`, `${log}.1.times`, pid]) rmSync(file, { force: true })
}

export function saveRecord(directory: string, record: PodRecord): void {
  const file = join(directory, FILE)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  writeFileSync(`${file}.new`, JSON.stringify(record), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

export interface StoredPod {
  readonly directory: string
  readonly record: PodRecord
}

/** The pods of earlier runs. Folders without a record never had a process: they are removed. */
export function loadRecords(podsDir: string): readonly StoredPod[] {
  return folders(podsDir).flatMap((name) => {
    const directory = join(podsDir, name)
    const record = loadRecord(directory)
    if (record === undefined) removeDirectory(directory)
    return record === undefined ? [] : [{ directory, record }]
  })
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true })
}

function loadRecord(directory: string): PodRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(join(directory, FILE), 'utf8')) as PodRecord
    return record.version === 1 ? record : undefined
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    const cure = 'End its processes, if there are any, and delete the folder'
    throw new Error(`Cannot read the state of the pod in "${directory}": ${messageOf(error)}. ${cure}`, {
      cause: error,
    })
  }
}

function folders(podsDir: string): readonly string[] {
  try {
    return readdirSync(podsDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}
