/** Why a release stands where it stands: what it waits for, since when, what was measured and what was decided. */
import type { Release, ReleaseGate, ReleaseMetricsGate, ReleaseStatus } from '../../kinds/release.ts'
import { ageOf, historyLines, isUnreadable, trafficLines, wordsOf } from './report.ts'

export function whyReport(release: Release, nowMs: number): readonly string[] {
  const { metadata, status } = release
  const name = `${metadata.namespace ?? ''}/${metadata.name ?? ''}`
  if (status?.phase === undefined)
    return [`${name} has not been looked at by the controller yet. Is "sluice up" running?`]
  return [
    `${name} is ${status.phase}: ${status.message ?? ''}`,
    ...staleLines(release),
    ...personLines(release, nowMs),
    ...againLines(release),
    ...evidenceLines(release),
    ...stepLines(release, nowMs),
    ...(status.traffic?.reason === undefined ? [] : trafficLines(status)),
    ...measuredLines(release),
    ...historyLines(release),
    ...conditionLines(release),
  ]
}

function staleLines({ metadata, status }: Release): readonly string[] {
  const behind = (metadata.generation ?? 0) > (status?.observedGeneration ?? 0)
  return behind ? ['The controller has not seen the last change of the object yet.'] : []
}

function personLines(release: Release, nowMs: number): readonly string[] {
  const waits = release.status?.waitsForPerson
  if (waits === undefined) return []
  const { metadata } = release
  const where = `${metadata.name ?? ''} -n ${metadata.namespace ?? ''}`
  return [
    `For ${ageOf(waits.since, nowMs)} it has waited for a person: ${waits.reason}.`,
    ...(isUnreadable(release) ? [] : [`  go on:    sluice release ${verbToGoOn(release)} ${where}`]),
    `  go back:  sluice release abort ${where}`,
  ]
}

function verbToGoOn({ spec, status }: Release): string {
  if (spec.paused === true) return 'resume'
  return status?.currentStep?.state === 'Failed' ? 'retry' : 'approve'
}

function againLines({ metadata, spec, status }: Release): readonly string[] {
  if (status?.phase !== 'RolledBack') return []
  const canaries = spec.targets.map(({ canary }) => `${canary.kind} ${canary.name}`).join(' or ')
  return [
    'To try again:',
    `  repaired:      apply ${canaries} with its new pod template; the release starts over by itself`,
    `  as it is now:  sluice release retry ${metadata.name ?? ''} -n ${metadata.namespace ?? ''}`,
  ]
}

/** What was seen when the last try failed. */
function evidenceLines({ status }: Release): readonly string[] {
  const evidence = status?.evidence
  if (evidence === undefined) return []
  const { at, step, reading, logs } = evidence
  return [
    `Decided at ${at}${step === undefined ? '' : `, in step ${step}`}, by this reading: ${reading}.`,
    '  Requests that were answered between the reading and the return of the traffic are not in it.',
    ...logs.flatMap(({ pod, container, lines }) => [
      `Last lines of pod ${pod}, container ${container}:`,
      ...lines.map((line) => `  | ${line}`),
    ]),
    ...(logs.length === 0 ? ["The canary's pods left no log lines."] : []),
  ]
}

function stepLines({ spec, status }: Release, nowMs: number): readonly string[] {
  const step = status?.currentStep
  if (step === undefined) return []
  const gates = spec.steps[step.index - 1]?.gates ?? []
  const live = liveText(step, nowMs)
  return [
    `Step ${step.index} of ${step.total}, ${step.name}: ${wordsOf(step.state)} for ${ageOf(step.since, nowMs)}, ${live}. ${step.message}`,
    ...gates.map((gate) => `  gate: ${gateText(gate)}`),
    ...(status?.waitsUntil === undefined ? [] : [`  this wait ends by itself at ${status.waitsUntil}`]),
  ]
}

function liveText({ state, liveAt }: NonNullable<ReleaseStatus['currentStep']>, nowMs: number): string {
  const hasFailed = state === 'Failed'
  if (liveAt === undefined) return hasFailed ? 'never live' : 'not live yet'
  const age = ageOf(liveAt, nowMs)
  return hasFailed ? `it went live ${age} ago` : `live for ${age}`
}

/** A gate as a sentence. */
export function gateText({ approval, wait, metrics }: ReleaseGate): string {
  if (approval !== undefined) return 'a person approves'
  if (wait !== undefined) return `${wait.duration} pass after the step is live`
  return metrics === undefined ? 'none' : metricsText(metrics)
}

function metricsText({ minRequests, successRate, latency, window }: ReleaseMetricsGate): string {
  const wants = [
    ...(successRate === undefined ? [] : [`at least ${successRate.min} % good`]),
    ...(latency === undefined ? [] : [`p${latency.percentile ?? 99} at most ${latency.max}`]),
  ]
  const count = minRequests === undefined ? 'enough requests' : `${minRequests} requests or more`
  return `the canary's own ${count}${window === undefined ? '' : ` of the last ${window}`}: ${wants.join(', ')}`
}

function measuredLines({ status }: Release): readonly string[] {
  const analysis = status?.analysis
  if (analysis === undefined) return []
  const { requests, failures, verdict } = analysis
  return [
    `Measured: ${requests} requests of the canary, ${failures} failed${verdict === undefined ? '' : `: ${verdict}`}.`,
  ]
}

function conditionLines({ status }: Release): readonly string[] {
  return (status?.conditions ?? []).map(({ type, status: holds, reason, message }) => {
    // What the first line says already is not said again.
    const isNews = message !== '' && message !== status?.message
    return `Condition ${type} is ${holds}: ${reason}${isNews ? `, ${message}` : ''}`
  })
}
