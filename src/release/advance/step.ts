/** One step: pods, then routes, then (from the moment it is live) gates. */
import { formatDurationMs } from '../../base/duration.ts'
import type { Effect, Gate, Report, StepStage } from '../model.ts'
import { isSameShift } from '../model.ts'
import { beginStep, finishRecord } from './begin-step.ts'
import { takeApprovals, voidApprovals } from './approval.ts'
import {
  hasCanary,
  hasStable,
  isLive,
  isShaped,
  podsFor,
  routeObstacle,
  scaleUp,
  shapeRoutes,
  wantedShift,
} from './exposure.ts'
import { takePromotion, voidRequests } from './requests.ts'
import { ANALYSIS_INTERVAL_MS, judgeGates } from './gates.ts'
import type { GateVerdict } from './gates.ts'
import {
  deadlineAfter,
  canaryShare,
  earliest,
  fail,
  go,
  normal,
  readyOf,
  stepOf,
  targetsOf,
  warning,
  whyNotReady,
} from './scene.ts'
import type { Move, Scene, Target } from './scene.ts'

/** How often a step may lose all endpoints of a canary, or have its routes edited by others, before that is a failure. */
const LOSSES_MAX = 3
const EDITS_MAX = 10

export function advanceStep(scene: Scene, stage: StepStage): Move {
  return (
    followPlan(scene, stage) ??
    voidApprovals(scene) ??
    followRevision(scene) ??
    takeApprovals(scene) ??
    takePromotion(scene, stage) ??
    noteStable(scene, stage) ??
    (stage.liveAtMs === null ? becomeLive(scene, stage) : stayLive(scene, stage, stage.liveAtMs))
  )
}

/** The plan was edited: stay with the step of this name; if it has another shift, or is gone, begin again. */
function followPlan(scene: Scene, stage: StepStage): Move | undefined {
  const { plan, state, nowMs } = scene
  const here = plan.steps[stage.index]
  if (here?.name === stage.name && isSameShift(here.shift, stage.shift)) return undefined
  const found = plan.steps.findIndex(({ name }) => name === stage.name)
  const same = plan.steps[found]
  if (same !== undefined && isSameShift(same.shift, stage.shift)) return go(state, { ...stage, index: found })
  // Never above what was reached: the gates in between have not been passed.
  const reached = plan.steps.findLastIndex(({ shift }) => shift.canaryWeight <= stage.shift.canaryWeight)
  const index = found >= 0 ? found : Math.max(0, reached)
  const { name } = stepOf(plan, index)
  const event = normal('PlanChanged', `The steps were edited: continuing with step "${name}"`)
  return go(finishRecord(state, nowMs, 'plan edited'), beginStep(plan, index, nowMs), event)
}

/** The canary's pods are of another revision than those that passed the gates so far. */
function followRevision(scene: Scene): Move | undefined {
  const { plan, state, nowMs } = scene
  const changed = targetsOf(scene).find(
    ({ world: { canary }, baseline }) => canary.kind === 'present' && canary.revision !== baseline?.canaryRevision,
  )
  if (changed === undefined) return undefined
  const baselines = state.baselines.map((baseline, index) => {
    const canary = scene.world.targets[index]?.canary
    return canary?.kind === 'present' ? { ...baseline, canaryRevision: canary.revision } : baseline
  })
  const event = warning('NewRevision', `${changed.plan.canary} has a new pod template: starting over`)
  const state2 = { ...voidRequests(finishRecord(state, nowMs, 'new revision of the canary'), scene.world), baselines }
  return go(state2, beginStep(plan, 0, nowMs), event)
}

/** What stable cannot answer goes where nobody planned: people are told once, and once when it is back. */
function noteStable(scene: Scene, stage: StepStage): Move | undefined {
  const isLost = (target: Target): boolean => !hasStable(target) && stage.shift.canaryWeight < 100
  const lost = stage.restoreStable ? undefined : targetsOf(scene).find(isLost)
  const { stableLost, ...rest } = stage
  if ((lost !== undefined) === (stableLost === true)) return undefined
  if (lost === undefined) return go(scene.state, rest, normal('StableBack', 'Stable has ready endpoints again'))
  const happens =
    'its requests go on to other pods where the fallback policy of an Upstream says so, and fail elsewhere'
  const message = `${lost.plan.stable} has no ready endpoint${whyNotReady(lost.world.stable)}: ${happens}`
  return go(scene.state, { ...rest, stableLost: true }, warning('StableLost', message))
}

function becomeLive(scene: Scene, stage: StepStage): Move {
  const { plan, state, nowMs } = scene
  const targets = targetsOf(scene)
  const form = { kind: 'shift', shift: stage.shift } as const
  if (targets.every((target) => hasCanary(target) && isLive(target, form))) {
    const notLiveBeforeMs = stage.notLiveBeforeMs + (nowMs - stage.notLiveSinceMs)
    const live = { ...stage, liveAtMs: nowMs, notLiveBeforeMs, shiftingSinceMs: stage.shiftingSinceMs ?? nowMs }
    return go(state, live, normal('StepLive', liveMessage(stage, nowMs)))
  }
  const limitMs = deadlineAfter(scene, stage.notLiveSinceMs - stage.notLiveBeforeMs)
  const message = obstacle(targets, stage)
  if (nowMs >= limitMs) {
    const after = formatDurationMs(plan.deadlineMs)
    return fail(scene, { kind: 'deadline', message: `step "${stage.name}" was not live after ${after}: ${message}` })
  }
  const effects = stepEffects(scene, stage, targets)
  if (stage.shiftingSinceMs === null && effects.some(({ kind }) => kind === 'shape-route')) {
    return go(state, { ...stage, shiftingSinceMs: nowMs })
  }
  const isShort = targets.some((target) => !hasPods(target, stage))
  return {
    kind: 'stay',
    effects,
    wakeAtMs: limitMs,
    report: {
      phase: 'Progressing',
      message,
      waitsUntilMs: limitMs,
      canaryWeight: canaryShare(scene),
      step: { index: stage.index, state: isShort ? 'WaitingForPods' : 'Shifting', sinceMs: stage.notLiveSinceMs },
    },
  }
}

function liveMessage({ name, shift, shiftingSinceMs }: StepStage, nowMs: number): string {
  const matched = shift.matches.length === 0 ? '' : ' and the matched requests'
  const took = shiftingSinceMs === null ? '' : `, ${nowMs - shiftingSinceMs} ms after the first write`
  return `Step "${name}" is live: ${shift.canaryWeight} % of the traffic${matched} on the canary${took}`
}

function stayLive(scene: Scene, stage: StepStage, liveAtMs: number): Move {
  const { state, nowMs } = scene
  const targets = targetsOf(scene)
  const form = { kind: 'shift', shift: stage.shift } as const
  const again = { ...stage, liveAtMs: null, notLiveSinceMs: nowMs, shiftingSinceMs: null, othersPassedAtMs: null }
  const lost = targets.find((target) => !hasCanary(target))
  if (lost !== undefined) {
    const message = `${lost.plan.canary} lost all its ready pods in step "${stage.name}"${whyNotReady(lost.world.canary)}`
    if (stage.losses >= LOSSES_MAX) {
      return fail(scene, { kind: 'canary-lost', message: `${message}, ${stage.losses + 1} times` })
    }
    return go(state, { ...again, losses: stage.losses + 1 }, warning('CanaryLost', message))
  }
  const edited = targets.flatMap(({ world, plan }) =>
    plan.routes.filter((_, at) => !isShapedAt(world.routes, at, form)),
  )
  if (edited.length > 0) {
    const message = `${edited.join(', ')} no longer says what step "${stage.name}" wants`
    if (stage.edits >= EDITS_MAX) {
      return fail(scene, { kind: 'routes-edited', message: `${message}, ${stage.edits + 1} times` })
    }
    return go(state, { ...again, edits: stage.edits + 1 }, warning('RouteEdited', `${message}: writing it again`))
  }
  return passGates(scene, stage, liveAtMs)
}

function isShapedAt(routes: Target['world']['routes'], at: number, form: Parameters<typeof isShaped>[1]): boolean {
  const route = routes[at]
  return route !== undefined && isShaped(route, form)
}

function passGates(scene: Scene, stage: StepStage, liveAtMs: number): Move {
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

/** Scales what is too small; shifts what can carry it, one target after the other. */
function stepEffects(scene: Scene, stage: StepStage, targets: readonly Target[]): readonly Effect[] {
  const form = { kind: 'shift', shift: stage.shift } as const
  let mayRaise = !scene.plan.isPaused
  return targets.flatMap((target) => {
    const wanted = wantedShift(scene.plan, target, stage.index, mayRaise)
    mayRaise &&= hasCanary(target) && isLive(target, form)
    return [
      ...(target.plan.scaling === 'Manual' ? [] : scaleUp(target, 'canary', podsFor(target, stage.shift.canaryWeight))),
      ...(stage.restoreStable ? scaleUp(target, 'stable', target.baseline?.stableReplicas ?? 1) : []),
      ...(wanted === undefined ? [] : shapeRoutes(target, { kind: 'shift', shift: wanted })),
    ]
  })
}

function hasPods(target: Target, { shift }: StepStage): boolean {
  return readyOf(target.world.canary) >= podsFor(target, shift.canaryWeight)
}

/** What keeps the step from being live, as a sentence. */
function obstacle(targets: readonly Target[], stage: StepStage): string {
  for (const target of targets) {
    const { canary } = target.world
    if (canary.kind === 'missing') return `${target.plan.canary} does not exist`
    if (!hasPods(target, stage)) {
      const needed = podsFor(target, stage.shift.canaryWeight)
      return `waiting for pods: ${target.plan.canary} has ${canary.ready} ready of the ${needed} that step "${stage.name}" needs${whyNotReady(canary)}`
    }
    const route = routeObstacle(target, { kind: 'shift', shift: stage.shift })
    if (route !== undefined) return `shifting to ${stage.shift.canaryWeight} %: ${route}`
  }
  return 'shifting'
}
