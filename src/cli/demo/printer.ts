/** The demo where nobody sees a screen: plain lines, one after another, as things happen. Pure but for its output. */
import { countText } from '../live/count-text.ts'
import type { DemoView, StepView } from './view.ts'

/** Lines for what is in `view` and was not in `before`. */
export function newLines(view: DemoView, before: DemoView | undefined): readonly string[] {
  const act = view.act !== undefined && view.act.number !== before?.act?.number ? actLines(view) : []
  const known = new Map(before?.steps.map((step) => [keyOf(step), step]))
  const steps = view.steps.flatMap((step) => stepLines(step, known.get(keyOf(step)), view))
  return [...act, ...steps]
}

function actLines({ act }: DemoView): readonly string[] {
  return act === undefined ? [] : ['', `Act ${act.number}: ${act.title}`]
}

function stepLines(step: StepView, before: StepView | undefined, view: DemoView): readonly string[] {
  const begins =
    before === undefined ? [`${secondsText(view)}  ${keyOf(step)} ${step.title}`, ...commandLines(step)] : []
  const output = before === undefined || before.output.length === 0 ? step.output.map((text) => `${INDENT}${text}`) : []
  const ends =
    step.state !== 'running' && (before === undefined || before.state === 'running') ? endLines(step, view) : []
  return [...begins, ...output, ...ends]
}

const INDENT = ' '.repeat(10)

function commandLines({ command }: StepView): readonly string[] {
  return command === undefined ? [] : [`${INDENT}$ ${command}`]
}

function endLines({ state, findings }: StepView, { requests, failures }: DemoView): readonly string[] {
  const mark = state === 'passed' ? 'ok' : 'FAILED'
  const counts = `(requests ${countText(requests)}, failures ${countText(failures)})`
  return [`${INDENT}${[mark, ...findings].join('; ')} ${counts}`]
}

function keyOf({ act, number }: StepView): string {
  return `${act}.${number}`
}

function secondsText({ elapsedMs }: DemoView): string {
  return `${(elapsedMs / 1_000).toFixed(1).padStart(6)} s`
}
