/** `sluice release …`: releases are followed and steered through their objects alone. */
import { isReason } from '../../kube/api-error.ts'
import { objectKey } from '../../kube/object.ts'
import { ABORT_ANNOTATION, APPROVE_ANNOTATION, type Release, releases, completeRelease } from '../../kinds/release.ts'
import { connect, type Session } from '../api/connect.ts'
import { type Call, UsageError } from '../command.ts'
import type { GetOptions } from '../options.ts'
import type { ReleaseAbortOptions, ReleaseApproveOptions, ReleaseGetOptions, ReleaseStatusOptions } from '../options.ts'
import type { CliDeps } from '../deps.ts'
import { openReleaseScreen, type ReleaseScreen } from '../release/follow.ts'
import { hasEnded, isUnreadable, hasSucceeded, releaseReport } from '../release/report.ts'
import { get } from './get.ts'

/** How often an approval is written anew because something else wrote the release meanwhile. */
const APPROVE_TRIES_MAX = 10

export function getReleases({ deps, args, options }: Call<ReleaseGetOptions>): Promise<number> {
  const asked: Call<GetOptions>['options'] = { headers: true, ...options }
  return get({ deps, args: ['releases.sluice.dev', ...args], options: asked })
}

export async function releaseStatus(call: Call<ReleaseStatusOptions>): Promise<number> {
  const { deps, options } = call
  await using session = await connect(options, deps)
  const release = await findRelease(session, call)
  if (options.watch === true) return follow(session, call, release)
  if (options.output === 'json') deps.stdout.write(`${JSON.stringify(release.status ?? {}, null, 2)}\n`)
  else deps.stdout.write(`${releaseReport(release, deps.clock.now()).join('\n')}\n`)
  return release.status?.phase === 'RolledBack' ? 1 : 0
}

export async function explainRelease(call: Call<object>): Promise<number> {
  const { deps, options } = call
  await using session = await connect(options, deps)
  const release = await findRelease(session, call)
  const { whyReport } = await import('../release/why.ts')
  deps.stdout.write(`${whyReport(release, deps.clock.now()).join('\n')}\n`)
  return 0
}

export async function approveRelease(call: Call<ReleaseApproveOptions>): Promise<number> {
  const { deps, options } = call
  await using session = await connect(options, deps)
  const release = await findRelease(session, call)
  refuseUnreadable(release, 'approve')
  const step = options.step ?? waitingStep(release)
  if (
    options.step !== undefined &&
    !release.spec.steps.some(({ name }, index) => name === step || String(index + 1) === step)
  ) {
    const steps = release.spec.steps.map(({ name }, index) => name ?? String(index + 1))
    throw new UsageError(`Cannot approve step "${step}": the release has ${steps.join(', ')}`)
  }
  await addApproval(session, call, release, step)
  deps.stdout.write(`release.sluice.dev/${nameOf(release)} approved: step ${step}\n`)
  return 0
}

/** What is asked of a release whose state cannot be read would wait for long, and then act unexpectedly. */
export function refuseUnreadable(release: Release, verb: 'approve' | 'promote' | 'retry'): void {
  if (!isUnreadable(release)) return
  throw new Error(
    `Cannot ${verb} release "${nameOf(release)}": ${release.status?.waitsForPerson?.reason ?? 'its state cannot be read'}`,
  )
}

/** The step, with the revision of the canary that the person could see. */
export function forRevision({ status }: Release, step: string): string {
  return status?.canaryRevision === undefined ? step : `${step}@${status.canaryRevision}`
}

/** Keeps what was approved and is not taken yet. */
async function addApproval(session: Session, call: Call<object>, seen: Release, step: string): Promise<void> {
  const entry = forRevision(seen, step)
  let release = seen
  for (let tries = 1; ; tries++) {
    const open = (release.metadata.annotations?.[APPROVE_ANNOTATION] ?? '').split(',').filter((one) => one !== '')
    try {
      return await annotate(session, release, { [APPROVE_ANNOTATION]: [...new Set([...open, entry])].join(',') }, true)
    } catch (error) {
      if (!isReason(error, 'Conflict') || tries >= APPROVE_TRIES_MAX) throw error
      release = await findRelease(session, call)
    }
  }
}

/** The name of the step that a plain `approve` means: the current one, and only if it can wait for a person. */
function waitingStep(release: Release): string {
  const name = nameOf(release)
  const current = release.status?.currentStep
  // Kept for inspection, after a failure: any approval lets it try again, also where no step had begun.
  if (release.status?.waitsForPerson !== undefined) return current?.name ?? release.spec.steps[0]?.name ?? '1'
  if (current === undefined || hasEnded(release)) {
    const phase = release.status?.phase ?? 'Pending'
    throw new Error(`Cannot approve release "${name}": no step waits for approval, its phase is ${phase}`)
  }
  const gates = release.spec.steps[current.index - 1]?.gates ?? []
  if (gates.some(({ approval }) => approval !== undefined)) return current.name
  throw new Error(`Cannot approve release "${name}": its step ${current.name} needs no approval; ${current.message}`)
}

export async function abortRelease(call: Call<ReleaseAbortOptions>): Promise<number> {
  const { deps, options } = call
  await using session = await connect(options, deps)
  const release = await findRelease(session, call)
  const name = nameOf(release)
  if (hasEnded(release)) {
    throw new Error(`Cannot abort release "${name}": it has ended already, its phase is ${release.status?.phase ?? ''}`)
  }
  const reason = options.reason ?? 'aborted by hand'
  await annotate(session, release, { [ABORT_ANNOTATION]: reason })
  deps.stdout.write(`release.sluice.dev/${name} aborted: ${reason}\n`)
  return 0
}

export async function annotate(
  session: Session,
  release: Release,
  annotations: Readonly<Record<string, string>>,
  isForThisVersion = false,
): Promise<void> {
  const key = objectKey(release.metadata.namespace, nameOf(release))
  const version = isForThisVersion ? { resourceVersion: release.metadata.resourceVersion } : {}
  await session.client.patch(releases, key, { kind: 'merge', body: { metadata: { ...version, annotations } } })
}

export async function findRelease(session: Session, { args, deps }: Call<object>): Promise<Release> {
  // `release/echo-v3` too, as kubectl names objects.
  const name = (args[0] ?? '').replace(/^(rel|releases?)(\.sluice\.dev)?\//, '')
  try {
    return completeRelease(await session.client.get(releases, objectKey(session.namespace, name), deps.signal))
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
    const { items } = await session.client.list(releases, { signal: deps.signal })
    const elsewhere = items.find(({ metadata }) => metadata.name === name)?.metadata.namespace
    const hint = elsewhere === undefined ? '' : ` There is one in namespace "${elsewhere}": add -n ${elsewhere}.`
    throw new Error(`Cannot find release "${name}" in namespace "${session.namespace}".${hint}`, { cause: error })
  }
}

/** Shows every change until the release ends: 0 when all traffic is on the canary, else 1. */
async function follow(
  session: Session,
  { deps, options }: Call<ReleaseStatusOptions>,
  first: Release,
): Promise<number> {
  const limit = new AbortController()
  const timeout = options.timeout
  const timer = timeout === undefined ? undefined : deps.clock.after(timeout, () => limit.abort(), { unref: true })
  const signal = AbortSignal.any([deps.signal, limit.signal])
  const screen = options.output === 'json' ? openJsonLines(deps) : openReleaseScreen(deps, session, first)
  try {
    for await (const release of versionsOf(session, first, signal)) {
      screen.show(release)
      if (hasEnded(release)) return hasSucceeded(release) ? 0 : 1
    }
  } finally {
    timer?.cancel()
    screen.close()
  }
  if (limit.signal.aborted) {
    throw new Error(`Cannot wait any longer: release "${nameOf(first)}" has not ended after ${(timeout ?? 0) / 1000} s`)
  }
  return 1
}

/** For programs: one JSON document for each change of the status. */
function openJsonLines({ stdout }: CliDeps): ReleaseScreen {
  let last = ''
  return {
    show(release) {
      const line = JSON.stringify(release.status ?? {})
      if (line !== last) stdout.write(`${line}\n`)
      last = line
    },
    close() {},
  }
}

/** The release now, and each time it changes. A watch that ends is opened again from the present state. */
async function* versionsOf(session: Session, first: Release, signal: AbortSignal): AsyncGenerator<Release> {
  const { name = '', namespace = '' } = first.metadata
  let release = first
  while (!signal.aborted) {
    yield release
    const events = session.client.watch(releases, {
      namespace,
      fieldSelector: `metadata.name=${name}`,
      resourceVersion: release.metadata.resourceVersion ?? '',
      signal,
    })
    for await (const event of events) {
      if (event.type === 'DELETED') throw new Error(`Cannot follow release "${name}": it was deleted`)
      if (event.type === 'ADDED' || event.type === 'MODIFIED') yield event.object
    }
    if (!signal.aborted) release = await session.client.get(releases, objectKey(namespace, name), signal)
  }
}

function nameOf(release: Release): string {
  return release.metadata.name ?? ''
}
