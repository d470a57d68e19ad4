/** The gates of a live step: which have passed, what the others wait for, and for how long. */
import { assertNever } from '../../base/assert.ts'
import { formatDurationMs } from '../../base/duration.ts'
import { judge, percentileMs, successRate } from '../analysis.ts'
import type { Verdict } from '../analysis.ts'
import type { AnalysisReport, Gate, MetricsGate, StepPlan, StepStage, TargetPlan, World } from '../model.ts'

/** How often a metrics gate is judged. */
export const ANALYSIS_INTERVAL_MS = 1_000

export type GateVerdict =
  | { readonly kind: 'pass'; readonly message: string; readonly analysis?: AnalysisReport }
  | { readonly kind: 'fail'; readonly message: string; readonly analysis: AnalysisReport }
  | { readonly kind: 'person'; readonly message: string }
  | { readonly kind: 'time'; readonly message: string; readonly untilMs: number }
  | { readonly kind: 'data'; readonly message: string; readonly analysis: AnalysisReport }

export interface GateInput {
  readonly step: StepPlan
  readonly stage: StepStage
  readonly liveAtMs: number
  readonly world: World
  readonly targets: readonly TargetPlan[]
  readonly nowMs: number
}

export function judgeGates(input: GateInput): readonly GateVerdict[] {
  return input.step.gates.map((gate, index) => judgeGate(gate, index, input))
}

function judgeGate(gate: Gate, index: number, input: GateInput): GateVerdict {
  switch (gate.kind) {
    case 'approval':
      return input.stage.approved
        ? { kind: 'pass', message: 'approved' }
        : { kind: 'person', message: "a person's approval" }
    case 'wait':
      return judgeWait(gate.durationMs, input)
    case 'metrics':
      return judgeMetrics(gate, index, input)
    default:
      return assertNever(gate, 'gate')
  }
}

function judgeWait(durationMs: number, { liveAtMs, nowMs }: GateInput): GateVerdict {
  const untilMs = liveAtMs + durationMs
  return nowMs >= untilMs
    ? { kind: 'pass', message: `waited ${formatDurationMs(durationMs)}` }
    : { kind: 'time', message: `${formatDurationMs(durationMs)} since the step is live`, untilMs }
}

/** One bad target is enough to fail, and all must pass. */
function judgeMetrics(gate: MetricsGate, index: number, { world, targets }: GateInput): GateVerdict {
  const verdicts = targets.map((target, position): Verdict => {
    const reading = world.metrics.find((one) => one.target === position && one.gate === index)
    if (reading === undefined) return { kind: 'not-enough', message: 'no numbers yet', seen: NOTHING_SEEN }
    const verdict = judge(gate, reading.window, reading.sinceLive)
    return { ...verdict, message: `${target.canary}: ${verdict.message}` }
  })
  const worst =
    verdicts.find(({ kind }) => kind === 'fail') ?? verdicts.find(({ kind }) => kind === 'not-enough') ?? verdicts[0]
  if (worst === undefined) return { kind: 'pass', message: 'nothing to judge' }
  const analysis = analysisOf(worst)
  if (worst.kind === 'not-enough') return { kind: 'data', message: `a verdict: ${worst.message}`, analysis }
  return { kind: worst.kind, message: worst.message, analysis }
}

const NOTHING_SEEN = { requests: 0, failures: 0, latency: { boundsMs: [], counts: [] } }

function analysisOf({ kind, seen }: Verdict): AnalysisReport {
  const rate = successRate(seen)
  const p99 = percentileMs(seen, 99)
  return {
    requests: seen.requests,
    failures: seen.failures,
    ...(rate === undefined ? {} : { successRate: rate }),
    ...(p99 === undefined ? {} : { p99Ms: Math.round(p99 * 10) / 10 }),
    verdict: kind,
  }
}
