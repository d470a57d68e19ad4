/** Acts 2 and 3: a Release moves the traffic by itself, and the demo only watches, through the API and by its requests. */
import type { Release } from '../../kinds/release.ts'
import { hasEnded } from '../release/report.ts'
import { countText } from '../live/count-text.ts'
import { type Counts, exactly, failuresOnlyFrom, nearShare, noFailures } from './checks.ts'
import type { Stage, Step } from './stage.ts'
import type { Check } from './view.ts'

const BATCH_REQUESTS = 100

type CurrentStep = NonNullable<NonNullable<Release['status']>['currentStep']>

/** Act 2: v3 comes out over the same routes. */
export async function actTwo(stage: Stage): Promise<void> {
  const act = 2
  stage.beginAct(act, 'By itself: a Release brings v3 out', 7)
  await start(stage, 'v3')
  await followSteps(stage, 'v3')
  const step = await stage.step({ title: 'v2 is retired' })
  step.note('waits for the release to end, and for the pods of v2')
  const release = await untilEnded(stage, 'v3')
  await stage.world.until('the pods of v2 to go', () => (stage.world.pods().get('v2')?.ready ?? 0) === 0)
  step.end([endedAs(release, 'Succeeded'), exactly(await stage.batch(BATCH_REQUESTS), { v3: 100 })])
  const { requests, failures, examples } = stage.tally(act)
  stage.endAct([noFailures(requests, failures, examples)])
}

/** Act 3: v4 answers errors, and is taken back. */
export async function actThree(stage: Stage): Promise<void> {
  const act = 3
  stage.beginAct(act, 'Taken back: a Release of v4, which fails', 4)
  await start(stage, 'v4')
  await followSteps(stage, 'v4')
  const step = await stage.step({ title: 'All traffic back on v3' })
  step.note('waits for the release to end')
  const release = await untilEnded(stage, 'v4')
  stage.markLive()
  const seen = await stage.batch(BATCH_REQUESTS)
  const { requests, failures, byVersion, failuresByVersion } = stage.tally(act)
  const met = byVersion['v4'] ?? 0
  const { analysis, evidence } = release.status ?? {}
  const later = met - (analysis?.requests ?? met)
  const late = later > 0 ? `, ${countText(later)} of them after that reading, until all traffic was back` : ''
  const metText = `${countText(met)} of ${countText(requests)} requests met v4${late}; ${countText(failures)} failed`
  const decided = `decided: ${evidence?.reading ?? messageOf(release)}`
  step.end([
    endedAs(release, 'RolledBack'),
    { holds: true, text: decided },
    { holds: met > 0, text: metText },
    exactly(seen, { v3: 100 }),
  ])
  const measured =
    analysis === undefined ? [] : [`seen: ${analysis.failures} of ${analysis.requests} requests of v4 failed`]
  stage.endAct([failuresOnlyFrom('v4', failuresByVersion)], [...measured, decided, metText])
}

async function start(stage: Stage, version: string): Promise<void> {
  for (const { title, file } of [
    { title: `${version} is deployed and gets no traffic`, file: `echo-${version}.yaml` },
    { title: 'The Release that moves the traffic', file: `release-${version}.yaml` },
  ]) {
    const step = await stage.step({ title, args: ['apply', '-f', stage.file(`release/${file}`)] })
    step.end([])
  }
}

/** Shows each step of the release as it comes, until the release has ended or is on its way back. */
async function followSteps(stage: Stage, version: string): Promise<void> {
  let seen: CurrentStep | undefined
  for (;;) {
    const last = seen
    const current = await stage.world.until(`the next step of the release of ${version}`, () => {
      const release = find(stage, version)
      if (release === undefined) return undefined
      if (isOver(release)) return 'over'
      const step = release.status?.currentStep
      return step !== undefined && step.index > (last?.index ?? 0) ? step : undefined
    })
    if (current === 'over') return
    seen = current
    await followStep(stage, version, current)
  }
}

async function followStep(stage: Stage, version: string, first: CurrentStep): Promise<void> {
  const release = find(stage, version)
  const weight = weightAt(release, first.index)
  const step = await stage.step({ title: titleOf(release, first) })
  const isLive = await untilLive(stage, version, { first, step })
  if (!isLive) return step.end([{ holds: false, text: messageOf(find(stage, version)) }])
  stage.markLive()
  const seen = await observedUntilMoved(stage, version, { first, step })
  await stage.world.until(`the verdict on step ${first.name}`, () => hasMoved(find(stage, version), first))
  const now = find(stage, version)
  const past = now?.status?.steps?.findLast(({ name }) => name === first.name)
  const hasSeen = Object.keys(seen).length > 0
  const shares: readonly Check[] = weight === undefined || !hasSeen ? [] : [nearShare(seen, version, weight)]
  step.end([...shares, { holds: true, text: verdictOf(now, past?.verdict) }], { shiftMs: past?.shiftMs })
}

interface Followed {
  readonly first: CurrentStep
  readonly step: Step
}

/** Requests per version from now until the release moves on or the routes change, whichever comes first. */
async function observedUntilMoved(stage: Stage, version: string, { first, step }: Followed): Promise<Counts> {
  const generation = stage.world.route()?.metadata.generation ?? 0
  await stage.world.until(`step ${first.name} to end`, () => {
    const now = find(stage, version)
    if (now !== undefined) step.note(noteOf(now))
    return hasMoved(now, first) || (stage.world.route()?.metadata.generation ?? 0) > generation
  })
  return stage.observedBeforeChange()
}

/** Waits until every proxy has acknowledged the step's routes; false when the release turns back before that. */
function untilLive(stage: Stage, version: string, { first, step }: Followed): Promise<boolean> {
  return stage.world
    .until(`step ${first.name} to be live`, () => {
      const now = find(stage, version)
      if (now === undefined) return undefined
      step.note(noteOf(now))
      const current = now.status?.currentStep
      if (current?.index === first.index && current.liveAt !== undefined) return 'live'
      const past = now.status?.steps?.findLast(({ name }) => name === first.name)
      if (past?.liveAt !== undefined) return 'live'
      return isOver(now) ? 'over' : undefined
    })
    .then((state) => state === 'live')
}

function untilEnded(stage: Stage, version: string): Promise<Release> {
  return stage.world.until(`the release of ${version} to end`, () => {
    const release = find(stage, version)
    return release !== undefined && hasEnded(release) ? release : undefined
  })
}

function find(stage: Stage, version: string): Release | undefined {
  return stage.world.release(`echo-${version}`)
}

function isOver(release: Release): boolean {
  return hasEnded(release) || release.status?.phase === 'RollingBack' || release.status?.phase === 'Promoting'
}

function hasMoved(release: Release | undefined, from: CurrentStep): boolean {
  return release !== undefined && (isOver(release) || (release.status?.currentStep?.index ?? 0) !== from.index)
}

/** The share of a step: its own, or that of the last step before it that names one. */
function weightAt(release: Release | undefined, index: number): number | undefined {
  return release?.spec.steps.slice(0, index).findLast(({ weight }) => weight !== undefined)?.weight
}

function titleOf(release: Release | undefined, { index, name }: CurrentStep): string {
  const step = release?.spec.steps[index - 1]
  const matches = (step?.matches ?? []).flatMap(({ headers = [] }) =>
    headers.map((header) => `${header.name}: ${header.value ?? ''}`),
  )
  const weight = weightAt(release, index)
  const to = [...matches, ...(weight === undefined || weight === 0 ? [] : [`${weight} %`])].join(' and ')
  return `Sluice goes on, ${name}: ${to === '' ? 'nothing' : to} to the canary`
}

function noteOf({ status }: Release): string {
  return status?.currentStep?.message ?? status?.message ?? ''
}

function verdictOf(release: Release | undefined, verdict: string | undefined): string {
  return `seen: ${verdict ?? messageOf(release)}`
}

function messageOf(release: Release | undefined): string {
  return release?.status?.message ?? 'no message'
}

function endedAs(release: Release, phase: 'Succeeded' | 'RolledBack'): Check {
  const actual = release.status?.phase ?? 'Pending'
  const holds = actual === phase
  return {
    holds,
    text: holds
      ? `the release ended: ${actual}`
      : `the release ended as ${actual}: ${messageOf(release)}; expected ${phase}`,
  }
}
