/** What the demo says at its end. Pure. */
import { countText } from '../live/count-text.ts'
import { allHold } from './checks.ts'
import { bold, dim, green, type Line, plain, red } from '../live/text.ts'
import type { ActResult, DemoResult } from './view.ts'

export function hasSucceeded({ acts }: DemoResult): boolean {
  return acts.length > 0 && acts.every(({ checks }) => allHold(checks))
}

export function summaryLines(result: DemoResult): readonly Line[] {
  const { acts, durationMs, bootMs } = result
  return [
    [bold('Summary')],
    [],
    [dim(row('act', 'steps', 'requests', 'failures', 'seconds'))],
    ...acts.map(actLine),
    [plain(row('all', ...totals(acts), (durationMs / 1_000).toFixed(1)))],
    ...noteLines(acts),
    [],
    [plain(`Ready ${(bootMs / 1_000).toFixed(1)} s after the start. Time from the write of new routes until live,`)],
    [plain('which means acknowledged by every proxy:')],
    ...acts.flatMap(shiftLines),
    [],
    ...brokenLines(acts),
    hasSucceeded(result) ? [green('✓ Every assertion of the three acts held.')] : [red('✗ Not every assertion held.')],
  ]
}

function actLine({ number, title, steps, requests, failures, durationMs, checks }: ActResult): Line {
  const cells = [String(steps.length), countText(requests), countText(failures), (durationMs / 1_000).toFixed(1)]
  const mark = allHold(checks) ? green('✓ ') : red('✗ ')
  return [mark, plain(row(`${number} ${title}`, ...cells).slice(2))]
}

/** The name column is two characters shorter than it looks: an act's line begins with a mark. */
function row(name: string, ...cells: readonly string[]): string {
  const [steps = '', requests = '', failures = '', seconds = ''] = cells
  const columns = [steps.padStart(6), requests.padStart(10), failures.padStart(10), seconds.padStart(9)]
  return `  ${name.padEnd(NAME_CHARACTERS).slice(0, NAME_CHARACTERS)}${columns.join('')}`
}

const NAME_CHARACTERS = 43

function noteLines(acts: readonly ActResult[]): readonly Line[] {
  const noted = acts.filter(({ notes }) => notes.length > 0)
  return noted.flatMap(({ number, notes }) => [
    [],
    ...notes.map((note): Line => [dim(`  act ${number}  `), plain(note)]),
  ])
}

function totals(acts: readonly ActResult[]): readonly string[] {
  const sum = (valueOf: (act: ActResult) => number): number => acts.reduce((total, act) => total + valueOf(act), 0)
  return [
    String(sum(({ steps }) => steps.length)),
    countText(sum(({ requests }) => requests)),
    countText(sum(({ failures }) => failures)),
  ]
}

function shiftLines({ number, steps }: ActResult): readonly Line[] {
  return steps
    .filter(({ shiftMs }) => shiftMs !== undefined)
    .map((step) => [
      plain(`  ${`${Math.round(step.shiftMs ?? 0)} ms`.padStart(8)}  `),
      dim(`${number}.${step.number} ${step.title}`),
    ])
}

function brokenLines(acts: readonly ActResult[]): readonly Line[] {
  return acts.flatMap(({ number, checks }) =>
    checks.filter(({ holds }) => !holds).map(({ text }): Line => [red('✗ '), plain(`act ${number}: ${text}`)]),
  )
}

export interface TryNext {
  readonly program: string
  readonly gateway: string
  readonly kubeconfig: string
}

/** Commands that work against what now runs. */
export function tryNextLines({ program, gateway, kubeconfig }: TryNext): readonly Line[] {
  const commands = [
    `export KUBECONFIG=${kubeconfig}`,
    `curl ${gateway}/`,
    `${program} status`,
    `${program} get all -n echo`,
    `${program} release why echo-v4 -n echo`,
    `${program} get vs echo -n gloo-system -o yaml`,
    'kubectl get releases,deployments -n echo',
  ]
  return [
    [plain('Sluice keeps serving until Ctrl-C. In another terminal:')],
    [],
    ...commands.map((text): Line => [plain('  '), bold(text)]),
  ]
}
