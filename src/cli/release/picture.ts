/** A release as one screen: where it is, who gets how much, and every step with what became of it. Pure. */
import type { Release, ReleaseStatus } from '../../kinds/release.ts'
import type { FrameSize } from '../live/screen.ts'
import { bold, dim, fit, green, type Line, plain, red, type Segment, wrap, yellow } from '../live/text.ts'
import { type VersionView, versionLines } from '../live/versions.ts'
import { ageOf, analysisLines, fateOf, releaseLine, wordsOf } from './report.ts'

export interface ReleaseView {
  readonly release: Release
  /** Stable and canary of each target. */
  readonly versions: readonly VersionView[]
  readonly nowMs: number
}

const MESSAGE_LINES_MAX = 4

export function releaseFrame(view: ReleaseView, size: FrameSize): readonly Line[] {
  const { release, versions, nowMs } = view
  const shares = versionLines(versions, {
    columns: size.columns,
    observed: 'observed',
    reason: release.status?.traffic?.reason,
  })
  const lines: readonly Line[] = [
    headLine(release, size),
    [dim('─'.repeat(size.columns))],
    ...stepLine(release, nowMs),
    ...messageLines(release, size),
    [],
    ...shares,
    ...analysisLines(release.status).map((text) => [plain(text)]),
    [],
    ...release.spec.steps.map((_, index) => planLine(release, index)),
  ]
  return lines.slice(0, size.rows).map((line) => fit(line, size.columns))
}

/** Where there is no terminal: one line whenever something of interest has changed. */
export function releaseLines({ release }: ReleaseView, before: ReleaseView | undefined): readonly string[] {
  const line = releaseLine(release)
  return before !== undefined && releaseLine(before.release) === line ? [] : [line]
}

function headLine({ metadata, status }: Release, { columns }: FrameSize): Line {
  const name = `Release ${metadata.namespace ?? ''}/${metadata.name ?? ''}`
  const phase = status?.phase ?? 'Pending'
  const gap = ' '.repeat(Math.max(1, columns - name.length - phase.length))
  return [bold(name), plain(gap), phaseSegment(phase)]
}

function phaseSegment(phase: string): Segment {
  if (phase === 'Succeeded') return green(phase)
  return phase === 'RolledBack' || phase === 'RollingBack' ? red(phase) : yellow(phase)
}

function stepLine({ status }: Release, nowMs: number): readonly Line[] {
  const step = status?.currentStep
  if (step === undefined) return []
  const state = `${wordsOf(step.state)} for ${ageOf(step.since, nowMs)}`
  return [[dim(`Step ${step.index} of ${step.total}  `), plain(`${step.name}: ${state}`)]]
}

function messageLines({ status }: Release, { columns }: FrameSize): readonly Line[] {
  const text = status?.message ?? 'the controller has not looked at it yet'
  return wrap(text, columns - 2)
    .slice(0, MESSAGE_LINES_MAX)
    .map((line) => [plain(`  ${line}`)])
}

type StepStatus = NonNullable<ReleaseStatus['steps']>[number]

function planLine({ spec, status }: Release, index: number): Line {
  const step = spec.steps[index]
  const name = step?.name ?? String(index + 1)
  const past = status?.steps?.findLast((each) => each.name === name)
  const weight = step?.weight === undefined ? '' : `  ${step.weight} %`
  return [markOf(past), plain(` ${index + 1} ${name}${weight}`), dim(past === undefined ? '' : `  ${fateOf(past)}`)]
}

function markOf(step: StepStatus | undefined): Segment {
  if (step === undefined) return dim('·')
  if (step.finishedAt === undefined) return yellow('…')
  return step.verdict?.startsWith('passed') === true ? green('✓') : red('✗')
}

/** What the routes give to both sides of each target, and who answered where that differs. */
export function versionsOf(
  { spec, status }: Release,
  podsOf: (deployment: string) => { readonly ready: number; readonly wanted: number },
): readonly VersionView[] {
  const traffic = status?.traffic
  return spec.targets.flatMap(({ stable, canary }) =>
    (['stable', 'canary'] as const).map((side) => {
      const { name } = side === 'stable' ? stable : canary
      const { ready, wanted } = podsOf(name)
      return {
        name: `${side} ${name}`,
        readyPods: ready,
        wantedPods: wanted,
        configuredPercent: traffic?.[`${side}Weight`],
        observedPercent: traffic?.observed?.[`${side}Weight`],
        observedRequests: 0,
      }
    }),
  )
}
