/** A release in words. Pure: the time comes in. */
import { STATE_UNREADABLE } from '../../kinds/release.ts'
import type { Release, ReleaseStatus } from '../../kinds/release.ts'

export function hasEnded({ status }: Release): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'RolledBack'
}

/** Nothing but an abort or a deletion acts on it. */
export function isUnreadable({ status }: Release): boolean {
  return status?.conditions?.some(({ reason }) => reason === STATE_UNREADABLE) ?? false
}

export function hasSucceeded({ status }: Release): boolean {
  return status?.phase === 'Succeeded'
}

/** One line for `--watch`; the same text as long as nothing of interest changes. */
export function releaseLine({ metadata, status }: Release): string {
  const step = status?.currentStep
  const where = step === undefined ? '' : `  step ${step.index}/${step.total} ${step.name} (${wordsOf(step.state)})`
  const traffic =
    status?.traffic === undefined ? '' : `  canary ${status.traffic.canaryWeight} %${observedText(status)}`
  const message = status?.message ?? step?.message ?? 'not looked at yet'
  return `${metadata.name ?? ''}  ${status?.phase ?? 'Pending'}${where}${traffic}  ${message}`
}

/** The whole state, line by line. */
export function releaseReport(release: Release, nowMs: number): readonly string[] {
  const { metadata, status } = release
  const step = status?.currentStep
  return [
    `Release    ${metadata.namespace ?? ''}/${metadata.name ?? ''}`,
    `Phase      ${status?.phase ?? 'Pending'}`,
    ...(step === undefined
      ? []
      : [
          `Step       ${step.index}/${step.total} ${step.name}: ${wordsOf(step.state)} for ${ageOf(step.since, nowMs)}`,
        ]),
    ...trafficLines(status),
    ...analysisLines(status),
    `Message    ${status?.message ?? step?.message ?? 'the controller has not looked at it yet'}`,
    ...historyLines(release),
  ]
}

/** What the routes say, and beside it what is seen where that is something else. */
export function trafficLines(status: ReleaseStatus | undefined): readonly string[] {
  const traffic = status?.traffic
  if (traffic === undefined) return []
  const { stableWeight, canaryWeight, observed, reason } = traffic
  return [
    `Traffic    stable ${stableWeight} %, canary ${canaryWeight} %${reason === undefined ? '' : ', as the routes say'}`,
    ...(observed === undefined
      ? []
      : [`Observed   stable ${observed.stableWeight} %, canary ${observed.canaryWeight} % of the requests`]),
    ...(reason === undefined ? [] : [`           ${reason}`]),
  ]
}

function observedText({ traffic }: ReleaseStatus): string {
  return traffic?.observed === undefined ? '' : ` (observed ${traffic.observed.canaryWeight} %)`
}

/** What was measured of the canary, where something was. */
export function analysisLines(status: ReleaseStatus | undefined): readonly string[] {
  const analysis = status?.analysis
  if (analysis === undefined) return []
  const rate = analysis.successRate === undefined ? '' : `, ${round(analysis.successRate)} % good`
  const p99 = analysis.p99Ms === undefined ? '' : `, p99 ${round(analysis.p99Ms)} ms`
  return [`Measured   ${analysis.requests} requests, ${analysis.failures} failed${rate}${p99}`]
}

/** Every step of the plan with what has become of it. */
export function historyLines({ spec, status }: Release): readonly string[] {
  const done = status?.steps ?? []
  return [
    'Steps',
    ...spec.steps.map((step, index) => {
      const name = step.name ?? `step-${index + 1}`
      const past = done.findLast((each) => each.name === name)
      const weight = step.weight === undefined ? '' : ` weight ${step.weight}`
      const matches = step.matches === undefined ? '' : ` matches ${step.matches.length}`
      return `  ${index + 1} ${name}${weight}${matches}${past === undefined ? '' : `: ${fateOf(past)}`}`
    }),
  ]
}

type StepStatus = NonNullable<ReleaseStatus['steps']>[number]

/** What became of a step. */
export function fateOf({ verdict, shiftMs, liveAt, finishedAt }: StepStatus): string {
  const live = liveAt === undefined ? [] : [shiftMs === undefined ? 'live' : `live ${shiftMs} ms after it was written`]
  const end = verdict ?? (finishedAt === undefined ? undefined : 'finished')
  const known = [...(end === undefined ? [] : [end]), ...live]
  return known.length === 0 ? 'on its way into the proxies' : known.join(', ')
}

/** `3 s`, `2 min`, `5 h` */
export function ageOf(time: string, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(time)) / 1000))
  if (seconds < 120) return `${seconds} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

/** `WaitingForApproval` → `waiting for approval` */
export function wordsOf(state: string): string {
  return state.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase()
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
