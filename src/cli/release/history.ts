/** The tries of a release as a table: which revision, when, how it ended and why. Pure. */
import type { Release, ReleaseStatus } from '../../kinds/release.ts'
import { align } from '../api/table.ts'

type Attempt = NonNullable<ReleaseStatus['attempts']>[number]

const HEADINGS = ['ATTEMPT', 'REVISION', 'STARTED', 'ENDED', 'OUTCOME', 'WHY']
/** Enough to tell revisions apart; those of several targets are told apart by the first. */
const REVISION_CHARS = 10

export function historyReport({ metadata, status }: Release): readonly string[] {
  const attempts = status?.attempts ?? []
  if (attempts.length === 0) return [`Release ${metadata.namespace ?? ''}/${metadata.name ?? ''} has not begun yet.`]
  return align([HEADINGS, ...attempts.map(rowOf)])
    .trimEnd()
    .split('\n')
}

function rowOf({ number, revision = '', startedAt, finishedAt, outcome, why }: Attempt): readonly string[] {
  return [
    String(number),
    revision === '' ? '-' : revision.slice(0, REVISION_CHARS),
    secondOf(startedAt),
    finishedAt === undefined ? '-' : secondOf(finishedAt),
    outcome ?? 'UnderWay',
    why ?? '',
  ]
}

function secondOf(time: string): string {
  return `${time.slice(0, 19)}Z`
}
