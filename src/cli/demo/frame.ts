/** One screen of the demo, drawn from its view. Pure: the same view and size give the same lines. */
import { countText } from '../live/count-text.ts'
import { bold, dim, fit, green, type Line, plain, red, type Segment, wrap, yellow } from '../live/text.ts'
import type { DemoView, StepView } from './view.ts'
import type { FrameSize } from '../live/screen.ts'
import { versionLines } from '../live/versions.ts'

const ACTS = 3
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
  return [
    ...versionLines(view.versions, {
      columns: size.columns,
      observed: 'observed since live',
      reason: view.whyDifferent,
    }),
    ...(view.canaryVersion === undefined ? [] : [[dim(`stage: canary goes to ${view.canaryVersion}`)]]),
    countLine(view),
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
