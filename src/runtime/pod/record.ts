/**
 * What the runtime remembers of a pod across restarts of control: `pod.json` in the pod's folder, written whole and
 * renamed into place, always before the world can differ from it.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { writeDurably } from '../../base/durable-file.ts'
import { codeOf, messageOf } from '../../base/errors.ts'
import { folderIdentity, isSameFolder } from '../../base/folder-identity.ts'
import type { FolderIdentity } from '../../base/folder-identity.ts'
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

/** As it is written: with the folder of all pods, so that a copy of it can be told from the original. */
interface WrittenRecord extends PodRecord {
  /** Absent in records of the first releases. */
  readonly home?: FolderIdentity
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
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const written: WrittenRecord = { ...record, home: folderIdentity(dirname(directory)) }
  writeDurably(join(directory, FILE), JSON.stringify(written))
}

export interface StoredPod {
  readonly directory: string
  readonly record: PodRecord
}

export interface EarlierPods {
  readonly pods: readonly StoredPod[]
  readonly unreadable: readonly UnreadablePod[]
}

/** A folder that is not understood, and was put where nobody looks for pods. */
export interface UnreadablePod {
  readonly file: string
  readonly why: string
  readonly keptIn: string
}

/**
 * The pods of earlier runs. Folders without a record never had a process: they are removed. In a copy of the folder of all pods
 * no process is ours: its containers count as ended, as after a restart of the machine.
 */
export function loadRecords(podsDir: string): EarlierPods {
  const home = folderIdentity(podsDir)
  const loaded = folders(podsDir).map((name) => loadPod(join(podsDir, name), home))
  return {
    pods: loaded.flatMap((one) => (one?.kind === 'pod' ? [one.stored] : [])),
    unreadable: loaded.flatMap((one) => (one?.kind === 'unreadable' ? [one.found] : [])),
  }
}

type Loaded =
  | { readonly kind: 'pod'; readonly stored: StoredPod }
  | { readonly kind: 'unreadable'; readonly found: UnreadablePod }

function loadPod(directory: string, home: FolderIdentity): Loaded | undefined {
  try {
    const record = loadRecord(directory)
    if (record === undefined) {
      removeDirectory(directory)
      return undefined
    }
    const isCopy = record.home !== undefined && !isSameFolder(record.home, home)
    return { kind: 'pod', stored: { directory, record: isCopy ? withoutProcesses(record) : record } }
  } catch (error) {
    return { kind: 'unreadable', found: setAside(directory, messageOf(error)) }
  }
}

/** Beside the folder of all pods: `unreadable-pods`. */
function setAside(directory: string, why: string): UnreadablePod {
  const kept = join(dirname(directory), '..', 'unreadable-pods')
  mkdirSync(kept, { recursive: true, mode: 0o700 })
  const keptIn = join(kept, basename(directory))
  removeDirectory(keptIn)
  renameSync(directory, keptIn)
  return { file: join(directory, FILE), why, keptIn }
}

/** No process has it as its boot. */
const ELSEWHERE = 'elsewhere'

function withoutProcesses(record: PodRecord): PodRecord {
  return { ...record, containers: record.containers.map((each) => ({ ...each, phase: elsewhere(each.phase) })) }
}

function elsewhere(phase: ContainerPhase): ContainerPhase {
  if (phase.kind === 'starting') return { ...phase, bootId: ELSEWHERE }
  return phase.kind === 'running' ? { ...phase, identity: { ...phase.identity, bootId: ELSEWHERE } } : phase
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true })
}

/** Undefined where there is none. Throws where it cannot be understood. */
function loadRecord(directory: string): WrittenRecord | undefined {
  const text = readText(join(directory, FILE))
  if (text === undefined) return undefined
  const record = JSON.parse(text) as WrittenRecord | null
  if (record?.version !== 1) throw new Error(`it is not of version 1, but ${JSON.stringify(record?.version)}`)
  if (!Array.isArray(record.containers) || typeof record.uid !== 'string') throw new Error('it is not whole')
  return record
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
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
