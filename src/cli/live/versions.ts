/** Versions with their pods, and their shares as bars: configured beside observed. Pure. */
import { countText } from './count-text.ts'
import { bold, dim, green, type Line, plain, wrap, yellow } from './text.ts'

export interface VersionView {
  readonly name: string
  readonly readyPods: number
  readonly wantedPods: number
  /** Percent of plain requests, as the routes say; absent when no route says anything. */
  readonly configuredPercent: number | undefined
  /** Percent of plain requests since the routes are live; absent before the first of them. */
  readonly observedPercent: number | undefined
  /** How many requests that was; 0: not known. */
  readonly observedRequests: number
}

const BAR_CHARACTERS_MAX = 30
const NAME_CHARACTERS_MIN = 9
/** Everything in a version's line but its name and the two bars. */
const FIXED_CHARACTERS = 36

export interface VersionColumns {
  readonly columns: number
  /** What stands above the observed shares. */
  readonly observed: string
  /** Why the observed shares are not the configured ones, where a release says so. */
  readonly reason: string | undefined
}

/** A heading, one line for each version, and why the shares differ; nothing without versions. */
export function versionLines(
  versions: readonly VersionView[],
  { columns, observed, reason }: VersionColumns,
): readonly Line[] {
  if (versions.length === 0) return []
  const nameWidth = Math.max(NAME_CHARACTERS_MIN, ...versions.map(({ name }) => name.length + 2))
  const room = Math.floor((columns - FIXED_CHARACTERS - nameWidth) / 2)
  const bar = Math.max(4, Math.min(BAR_CHARACTERS_MAX, room))
  const heading = `${'version'.padEnd(nameWidth)}pods  ${'configured'.padEnd(7 + bar)}  ${observed}`
  return [
    [dim(heading)],
    ...versions.map((version) => versionLine(version, bar, nameWidth)),
    ...(reason === undefined ? [] : wrap(reason, columns - 2).map((text) => [yellow(`  ${text}`)])),
  ]
}

function versionLine({ name, readyPods, wantedPods, ...version }: VersionView, bar: number, nameWidth: number): Line {
  const { configuredPercent, observedPercent, observedRequests } = version
  const pods = `${readyPods}/${wantedPods}`
  const seen = observedPercent === undefined || observedRequests === 0 ? '' : ` (${countText(observedRequests)})`
  return [
    bold(name.padEnd(nameWidth)),
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
