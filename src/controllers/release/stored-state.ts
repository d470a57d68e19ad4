/**
 * How the engine's state is kept: each state is a ControllerRevision of its own with a number, written before the
 * Release's status counts it. So the newest one has the number that the status counts, or, where control died between
 * the two writes, the next. Anything else is not guessed at: the release pauses and says what is wrong.
 */
import type { ControllerRevision } from '../../kinds/controller-revision.ts'
import { ABORT_ANNOTATION, releases } from '../../kinds/release.ts'
import type { Release } from '../../kinds/release.ts'
import { isJsonObject } from '../../kube/json-value.ts'
import type { ReleaseState } from '../../release/model.ts'
import { ownedRevision, revisionName, shortHash } from '../owned-revisions.ts'

/** Raised when an older Sluice would misread what a newer one stores. */
const STATE_VERSION = 1

/** On each state, with the uid of its release: a release that is made anew under the same name starts fresh. */
export const STATE_LABEL = 'sluice.dev/release-state'

export interface ReadableState {
  readonly kind: 'readable'
  /** Of the newest revision there is; 0: none. */
  readonly count: number
  /** `new`: nothing was stored yet. `lost`: what was stored cannot be read, and a person wants the traffic back. */
  readonly state: ReleaseState | 'new' | 'lost'
  /** False: the state is not in the revision of this number (yet). */
  readonly isStored: boolean
  /** Of all revisions, oldest first. */
  readonly names: readonly string[]
}

export interface UnreadableState {
  readonly kind: 'unreadable'
  /** What is wrong, and what a person can do. */
  readonly reason: string
}

interface StateDocument {
  readonly version: typeof STATE_VERSION
  /** Uid of the Release. */
  readonly release: string
  readonly count: number
  readonly state: ReleaseState
}

export function stateName({ metadata }: Release, count: number): string {
  return revisionName({ type: releases, name: metadata.name ?? '' }, shortHash(metadata.uid ?? ''), String(count))
}

export function stateRevision(release: Release, count: number, state: ReleaseState): ControllerRevision {
  const { namespace = '', name = '', uid = '' } = release.metadata
  const data: StateDocument = { version: STATE_VERSION, release: uid, count, state }
  return ownedRevision(
    { type: releases, namespace, name, uid },
    { name: stateName(release, count), labels: { [STATE_LABEL]: uid }, data, revision: count },
  )
}

/** `revisions`: all that have the label of this release. */
export function readState(release: Release, revisions: readonly ControllerRevision[]): ReadableState | UnreadableState {
  const sorted = revisions.toSorted((a, b) => a.revision - b.revision)
  const names = sorted.map(({ metadata }) => metadata.name ?? '')
  const newest = sorted.at(-1)
  const fault = faultOf(release, newest)
  const count = newest?.revision ?? 0
  if (fault === undefined) {
    const state = newest === undefined ? earlierState(release) : (newest.data as StateDocument).state
    return { kind: 'readable', count, state, isStored: newest !== undefined, names }
  }
  if (!wantsBack(release)) return { kind: 'unreadable', reason: `${fault}; ${cureOf(release)}` }
  return { kind: 'readable', count: Math.max(count, countOf(release)), state: 'lost', isStored: false, names }
}

export function countOf({ status }: Release): number {
  return status?.stateCount ?? 0
}

/** Why the newest state is not the one to go on from; undefined: it is. */
function faultOf(release: Release, newest: ControllerRevision | undefined): string | undefined {
  const counted = countOf(release)
  if (newest === undefined) {
    return counted === 0 ? earlierFault(release) : `its state is gone: there is no ${nameOf(release, counted)}`
  }
  const { revision, data } = newest
  const place = nameOf(release, revision)
  if (revision < counted) return `its state is too old: ${place} is state ${revision}, and the status counts ${counted}`
  if (revision > counted + 1) {
    return `its state is too new: ${place} is state ${revision}, and the status counts ${counted}`
  }
  return faultOfDocument(release, data, { place, revision })
}

function faultOfDocument(
  { metadata }: Release,
  data: unknown,
  { place, revision }: { readonly place: string; readonly revision: number },
): string | undefined {
  if (!isJsonObject(data)) return `its state in ${place} cannot be read`
  const { version, release, count, state } = data
  if (version !== STATE_VERSION) return unknownVersion(place, version)
  if (release !== metadata.uid) return `the state in ${place} is that of another release (uid ${String(release)})`
  return isState(state) && count === revision ? undefined : `its state in ${place} cannot be read`
}

function nameOf(release: Release, count: number): string {
  return `ControllerRevision ${release.metadata.namespace}/${stateName(release, count)}`
}

function unknownVersion(place: string, version: unknown): string {
  return `its state in ${place} has version ${String(version)}, and this Sluice knows version ${STATE_VERSION}: run the Sluice that wrote it`
}

function cureOf({ metadata: { name, namespace } }: Release): string {
  const retry = `"sluice release abort ${name} -n ${namespace}" takes all traffic back to stable, after that "sluice release retry" starts over`
  return `put it back as it was, or give it up: ${retry}`
}

/** Back to stable needs no state: the routes themselves say what they were. */
function wantsBack({ metadata }: Release): boolean {
  return metadata.deletionTimestamp !== undefined || metadata.annotations?.[ABORT_ANNOTATION] !== undefined
}

/** Earlier the state lay in the status. It moves to its place with the next write. */
function earlierState({ status }: Release): ReleaseState | 'new' {
  return isState(status?.engine) ? status.engine : 'new'
}

function earlierFault({ status }: Release): string | undefined {
  const engine = status?.engine
  if (engine === undefined) return undefined
  if (isJsonObject(engine) && 'version' in engine && engine['version'] !== STATE_VERSION) {
    return unknownVersion('status.engine', engine['version'])
  }
  return isState(engine) ? undefined : 'its state in status.engine cannot be read'
}

/** Only this controller writes it, so a look at the outline is enough. */
function isState(value: unknown): value is ReleaseState {
  return isJsonObject(value) && isJsonObject(value['stage']) && 'baselines' in value && 'history' in value
}
