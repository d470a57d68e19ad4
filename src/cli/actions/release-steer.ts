/** `sluice release retry|promote|pause|resume|undo|history`: each a write of the object that kubectl could do as well. */
import { isReason } from '../../kube/api-error.ts'
import { objectKey } from '../../kube/object.ts'
import { type Deployment, deployments } from '../../kinds/deployment.ts'
import {
  PROMOTE_ANNOTATION,
  PROMOTE_FULL_ANNOTATION,
  type Release,
  releases,
  RETRY_ANNOTATION,
} from '../../kinds/release.ts'
import { connect, type Session } from '../api/connect.ts'
import type { Call } from '../command.ts'
import type { ReleasePromoteOptions, ReleaseRetryOptions, ReleaseUndoOptions } from '../options.ts'
import { toYaml } from '../output/serialize.ts'
import { historyReport } from '../release/history.ts'
import { hasEnded, hasSucceeded } from '../release/report.ts'
import { undoRelease } from '../release/undo.ts'
import { annotate, findRelease, forRevision, refuseUnreadable } from './release.ts'

interface Found {
  readonly session: Session
  readonly release: Release
  /** How the release is named in commands and messages. */
  readonly name: string
}

async function withRelease<O>(call: Call<O>, work: (found: Found) => Promise<string>): Promise<number> {
  await using session = await connect(call.options, call.deps)
  const release = await findRelease(session, call as Call<object>)
  const said = await work({ session, release, name: release.metadata.name ?? '' })
  call.deps.stdout.write(`${said}\n`)
  return 0
}

export function retryRelease(call: Call<ReleaseRetryOptions>): Promise<number> {
  return withRelease(call, async ({ session, release, name }) => {
    refuseUnreadable(release, 'retry')
    const isKept = release.status?.currentStep?.state === 'Failed' || release.status?.waitsForPerson !== undefined
    const phase = release.status?.phase ?? 'Pending'
    if (phase !== 'RolledBack' && !(phase === 'Paused' && isKept && !isWaitingForApproval(release))) {
      throw new Error(`Cannot retry release "${name}": it has not failed, its phase is ${phase}${hintAt(release)}`)
    }
    await annotate(session, release, { [RETRY_ANNOTATION]: call.options.reason ?? 'by hand' })
    return phase === 'RolledBack'
      ? `release.sluice.dev/${name} starts over`
      : `release.sluice.dev/${name} tries its step again`
  })
}

export function promoteRelease(call: Call<ReleasePromoteOptions>): Promise<number> {
  return withRelease(call, async ({ session, release, name }) => {
    refuseUnreadable(release, 'promote')
    const step = release.status?.currentStep
    if (hasEnded(release) || step === undefined || step.state === 'Failed' || step.state === 'Finished') {
      const phase = release.status?.phase ?? 'Pending'
      throw new Error(`Cannot promote release "${name}": it is in no step, its phase is ${phase}${hintAt(release)}`)
    }
    const isFull = call.options.full === true
    const annotation = isFull ? PROMOTE_FULL_ANNOTATION : PROMOTE_ANNOTATION
    // Who promotes wants it to go on: as with Argo Rollouts, a pause ends with it.
    const spec = release.spec.paused === true ? { spec: { paused: false } } : {}
    await patch(session, release, {
      metadata: { annotations: { [annotation]: forRevision(release, step.name) } },
      ...spec,
    })
    const what = isFull ? `step ${step.name} and all later ones` : `step ${step.name}`
    return `release.sluice.dev/${name} promoted: ${what} without gates`
  })
}

export function pauseRelease(call: Call<object>): Promise<number> {
  return withRelease(call, async ({ session, release, name }) => {
    if (hasEnded(release) || release.status?.phase === 'RollingBack') {
      const phase = release.status?.phase ?? ''
      throw new Error(`Cannot pause release "${name}": there is nothing to hold, its phase is ${phase}`)
    }
    if (release.spec.paused === true) throw new Error(`Cannot pause release "${name}": it is paused already`)
    await patch(session, release, { spec: { paused: true } })
    return `release.sluice.dev/${name} paused`
  })
}

export function resumeRelease(call: Call<object>): Promise<number> {
  return withRelease(call, async ({ session, release, name }) => {
    if (release.spec.paused !== true) {
      throw new Error(`Cannot resume release "${name}": it is not paused${hintAt(release)}`)
    }
    await patch(session, release, { spec: { paused: false } })
    return `release.sluice.dev/${name} resumed`
  })
}

export function undoReleased(call: Call<ReleaseUndoOptions>): Promise<number> {
  return withRelease(call, async ({ session, release, name }) => {
    if (!hasSucceeded(release)) {
      const phase = release.status?.phase ?? 'Pending'
      const instead = hasEnded(release)
        ? 'all traffic is on stable already'
        : `take it back with: sluice release abort ${where(release)}`
      throw new Error(`Cannot undo release "${name}": it has not succeeded, its phase is ${phase}; ${instead}`)
    }
    const missing = await missingStable(session, release)
    if (missing !== undefined) {
      throw new Error(`Cannot undo release "${name}": Deployment "${missing}" is gone; apply it again, then undo`)
    }
    const undo = undoRelease(release)
    if (call.options.output === 'yaml') return toYaml(undo).trimEnd()
    await createUndo(session, undo, name)
    const undoName = undo.metadata.name ?? ''
    return `release.sluice.dev/${undoName} created: it takes the traffic of release "${name}" back\nFollow it: sluice release status ${where(undo)} --watch`
  })
}

async function createUndo({ client }: Session, undo: Release, name: string): Promise<void> {
  try {
    await client.create(releases, undo)
  } catch (error) {
    if (!isReason(error, 'AlreadyExists')) throw error
    const hint = `release "${undo.metadata.name ?? ''}" exists already; see sluice release status ${where(undo)}, delete it to undo once more`
    throw new Error(`Cannot undo release "${name}": ${hint}`, { cause: error })
  }
}

async function missingStable({ client }: Session, { spec, metadata }: Release): Promise<string | undefined> {
  const { items } = await client.list<Deployment>(deployments, { namespace: metadata.namespace ?? '' })
  const names = new Set(items.map((item) => item.metadata.name))
  return spec.targets.map(({ stable }) => stable.name).find((stable) => !names.has(stable))
}

export function releaseHistory(call: Call<object>): Promise<number> {
  return withRelease(call, ({ release }) => Promise.resolve(historyReport(release).join('\n')))
}

/** The command that would bring this release further. */
function hintAt(release: Release): string {
  const { status, spec } = release
  if (status?.phase === 'RolledBack') return `. To start it over: sluice release retry ${where(release)}`
  if (status?.phase === 'Succeeded') return `. To take it back: sluice release undo ${where(release)}`
  if (spec.paused === true) return `. To go on: sluice release resume ${where(release)}`
  if (isWaitingForApproval(release)) return `. To go on: sluice release approve ${where(release)}`
  if (status?.currentStep?.state === 'Failed') return `. To try again: sluice release retry ${where(release)}`
  return ''
}

function isWaitingForApproval({ status, spec }: Release): boolean {
  return status?.currentStep?.state === 'WaitingForApproval' || spec.paused === true
}

function where({ metadata }: Release): string {
  return `${metadata.name ?? ''} -n ${metadata.namespace ?? ''}`
}

async function patch({ client }: Session, { metadata }: Release, body: unknown): Promise<void> {
  await client.patch(releases, objectKey(metadata.namespace, metadata.name ?? ''), { kind: 'merge', body })
}
