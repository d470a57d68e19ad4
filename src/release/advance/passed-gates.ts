/** A live step's gates: what they say, and the next step once all have passed. */
import { formatDurationMs } from '../../base/duration.ts'
import type { Gate, Report, StepStage } from '../model.ts'
import { beginStep, finishRecord } from './begin-step.ts'
import { ANALYSIS_INTERVAL_MS, judgeGates } from './gates.ts'
import type { GateVerdict } from './gates.ts'
import { canaryShare, deadlineAfter, earliest, fail, go, normal, stepOf, targetsOf } from './scene.ts'
import type { Move, Scene } from './scene.ts'
import { stepEffects } from './step-effects.ts'

export function passGates(scene: Scene, stage: StepStage, liveAtMs: number): Move {
  const { plan, state, world, nowMs } = scene
  if (stage.promoted !== undefined) return finishStep(scene, stage, [PROMOTED])
  const step = stepOf(plan, stage.index)
  const verdicts = judgeGates({ step, stage, liveAtMs, world, targets: plan.targets, nowMs })
  const failed = verdicts.find(({ kind }) => kind === 'fail')
  if (failed?.kind === 'fail') {
    return fail(scene, { kind: 'metrics', message: failed.message, analysis: failed.analysis })
  }
  if (verdicts.every(({ kind }) => kind === 'pass')) return finishStep(scene, stage, verdicts)

  const isOnlyData = verdicts.every(({ kind }) => kind === 'pass' || kind === 'data')
  if (isOnlyData && stage.othersPassedAtMs === null) return go(state, { ...stage, othersPassedAtMs: nowMs })
  const limitMs =
    isOnlyData && stage.othersPassedAtMs !== null ? deadlineAfter(scene, stage.othersPassedAtMs) : undefined
  const open = verdicts.filter(({ kind }) => kind !== 'pass')
  if (limitMs !== undefined && nowMs >= limitMs) {
    const message = `step "${stage.name}" got no verdict within ${formatDurationMs(plan.deadlineMs)}: ${open.map((verdict) => verdict.message).join('; ')}`
    return fail(scene, { kind: 'deadline', message })
  }
  const report = gateReport(scene, stage, verdicts)
  return {
    kind: 'stay',
    effects: stepEffects(scene, stage, targetsOf(scene)),
    wakeAtMs: earliest(
      limitMs,
      report.waitsUntilMs,
      step.gates.some(isMetrics) ? nowMs + ANALYSIS_INTERVAL_MS : undefined,
    ),
    report: limitMs === undefined ? report : { ...report, waitsUntilMs: limitMs },
  }
}

const PROMOTED: GateVerdict = { kind: 'pass', message: 'promoted by a person, without gates' }

function isMetrics({ kind }: Gate): boolean {
  return kind === 'metrics'
}

function finishStep({ plan, state, nowMs }: Scene, stage: StepStage, verdicts: readonly GateVerdict[]): Move {
  const seen = verdicts.map(({ message }) => message).join('; ')
  const finished = finishRecord(state, nowMs, seen === '' ? 'passed' : `passed: ${seen}`)
  const event = normal('StepPassed', `Step "${stage.name}" passed${seen === '' ? '' : `: ${seen}`}`)
  const next = plan.steps[stage.index + 1]
  return next === undefined
    ? go(finished, { kind: 'promoting', sinceMs: nowMs, part: 'drain', losses: stage.losses }, event)
    : go(
        finished,
        { ...beginStep(plan, stage.index + 1, nowMs), ...(stage.promoted === 'full' ? { promoted: 'full' } : {}) },
        event,
      )
}

function gateReport(scene: Scene, stage: StepStage, verdicts: readonly GateVerdict[]): Report {
  const open = verdicts.filter(({ kind }) => kind !== 'pass')
  const person = open.find(({ kind }) => kind === 'person')
  const times = open.flatMap((verdict) => (verdict.kind === 'time' ? [verdict.untilMs] : []))
  const isData = open.some(({ kind }) => kind === 'data')
  const analysis = verdicts.flatMap((verdict) =>
    'analysis' in verdict && verdict.analysis ? [verdict.analysis] : [],
  )[0]
  const liveAtMs = stage.liveAtMs ?? scene.nowMs
  return {
    phase: person === undefined ? 'Progressing' : 'Paused',
    message: `Step "${stage.name}" waits for ${open.map(({ message }) => message).join('; ')}`,
    canaryWeight: canaryShare(scene),
    step: {
      index: stage.index,
      state: person !== undefined ? 'WaitingForApproval' : isData ? 'Analysing' : 'Waiting',
      sinceMs: liveAtMs,
      liveAtMs,
    },
    ...(person === undefined
      ? {}
      : { waitsForPerson: { reason: `${person.message} of step "${stage.name}"`, sinceMs: liveAtMs } }),
    ...(times.length === 0 ? {} : { waitsUntilMs: Math.max(...times) }),
    ...(analysis === undefined ? {} : { analysis }),
  }
}
