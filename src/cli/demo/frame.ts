/** One screen of the demo, drawn from its view. Pure: the same view and size give the same lines. */
import { countText } from './checks.ts'
import { bold, dim, fit, green, type Line, plain, red, type Segment, wrap, yellow } from './text.ts'
import type { DemoView, StepView, VersionView } from './view.ts'

export interface FrameSize {
  readonly columns: number
  readonly rows: number
}

const ACTS = 3
const BAR_CHARACTERS_MAX = 30
/** Everything in a version's line but the two bars. */
const FIXED_CHARACTERS = 45
const OUTPUT_LINES_MAX = 3
const FINDING_LINES_MAX = 5

/** At most `rows` lines, none wider than `columns`. */
export function renderFrame(view: DemoView, size: FrameSize): readonly Line[] {
  const top = [...headLines(view, size), ...stepLines(view, size), [], ...trafficLines(view, size)]
  const room = size.rows - top.length - 2
  const history = historyLines(view, room)
  const lines = history.length === 0 ? top : [...top, [], ...history]
  return lines.slice(0, size.rows).map((line) => fit(line, size.columns))
}

function headLines({ elapsedMs, perSecond, act }: DemoView, { columns }: FrameSize): readonly Line[] {
  const clock = `${(elapsedMs / 1_000).toFixed(1)} s`
  const rate = perSecond > 0 ? `${Math.round(perSecond)} requests/s   ` : ''
  const name = 'Sluice: three live canaries'
  const gap = ' '.repeat(Math.max(1, columns - name.length - rate.length - clock.length))
  return [
    [bold(name), plain(gap), dim(rate), dim(clock)],
    [dim('─'.repeat(columns))],
    act === undefined
      ? [plain('Starting the control plane, the proxy and the gateway …')]
      : [dim(`Act ${act.number} of ${ACTS}  `), bold(act.title)],
  ]
}

function stepLines({ steps }: DemoView, { columns }: FrameSize): readonly Line[] {
  const step = steps.at(-1)
  if (step === undefined) return []
  return [
    [dim(`Step ${step.number} of ${step.total}  `), plain(step.title)],
    ...(step.command === undefined ? [] : [[dim('$ '), bold(step.command)]]),
    ...step.output.slice(0, OUTPUT_LINES_MAX).map((text) => [plain(`  ${text}`)]),
    ...findingLines(step, columns).slice(0, FINDING_LINES_MAX),
  ]
}

function findingLines(step: StepView, columns: number): readonly Line[] {
  return step.findings.flatMap((text) =>
    wrap(text, columns - 2).map((line, index) => [index === 0 ? markOf(step) : plain(' '), plain(` ${line}`)]),
  )
}

function markOf({ state }: StepView): Segment {
  return MARKS[state]
}

const MARKS: Readonly<Record<StepView['state'], Segment>> = {
  running: yellow('…'),
  passed: green('✓'),
  failed: red('✗'),
}

function trafficLines(view: DemoView, size: FrameSize): readonly Line[] {
  const bar = Math.max(4, Math.min(BAR_CHARACTERS_MAX, Math.floor((size.columns - FIXED_CHARACTERS) / 2)))
  const heading = `version  pods  ${'configured'.padEnd(7 + bar)}  observed since live`
  return [
    ...(view.versions.length === 0 ? [] : [[dim(heading)]]),
    ...view.versions.map((version) => versionLine(version, bar)),
    ...(view.canaryVersion === undefined ? [] : [[dim(`stage: canary goes to ${view.canaryVersion}`)]]),
    countLine(view),
  ]
}

function versionLine({ name, readyPods, wantedPods, ...version }: VersionView, bar: number): Line {
  const { configuredPercent, observedPercent, observedRequests } = version
  const pods = `${readyPods}/${wantedPods}`
  const seen = observedPercent === undefined ? '' : ` (${countText(observedRequests)})`
  return [
    bold(name.padEnd(9)),
    readyPods >= wantedPods ? plain(pods.padEnd(6)) : yellow(pods.padEnd(6)),
    ...barOf(configuredPercent, bar, 0),
    plain('  '),
    ...barOf(observedPercent, bar, 1),
    dim(seen),
  ]
}

function barOf(percent: number | undefined, width: number, digits: number): Line {
  if (percent === undefined) return [dim('–'.padStart(6).padEnd(width + 7))]
  const filled = Math.round((percent / 100) * width)
  return [
    plain(`${percent.toFixed(digits).padStart(5)} % `.padEnd(8)),
    green('█'.repeat(filled)),
    dim('░'.repeat(width - filled)),
  ]
}

function countLine({ requests, failures }: DemoView): Line {
  const failed = `failures ${countText(failures)}`
  return [plain(`requests ${countText(requests)}   `), failures === 0 ? green(failed) : red(failed)]
}

/** The steps before the current one, the latest at the bottom, as many as there is room for. */
function historyLines({ steps }: DemoView, room: number): readonly Line[] {
  if (room < 1) return []
  return steps
    .slice(0, -1)
    .slice(-room)
    .map((step) => {
      const live = step.shiftMs === undefined ? '' : `  live after ${Math.round(step.shiftMs)} ms`
      return [markOf(step), dim(` ${step.act}.${step.number}  ${step.title}${live}`)]
    })
}
