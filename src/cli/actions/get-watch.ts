/** `sluice get -w`: the rows that change, under the columns already printed. */
import { codeOf } from '../../base/errors.ts'
import { ApiError, type Status } from '../../kube/api-error.ts'
import { collectionPath, withQuery } from '../../kube/resource-path.ts'
import type { Selection } from '../api/select.ts'
import {
  align,
  columnWidths,
  linesOf,
  type Table,
  TABLE_ACCEPT,
  type TableColumn,
  type TableRow,
  type TableStyle,
} from '../api/table.ts'
import { writeText } from '../output/write.ts'
import type { GetRun } from './get-run.ts'

export interface WatchStart {
  readonly selection: Selection
  readonly style: TableStyle
  readonly columns: readonly TableColumn[]
  /** Rows on the screen: they set the widths. */
  readonly printed: readonly TableRow[]
  readonly resourceVersion: string | undefined
}

interface TableEvent {
  readonly type: string
  readonly object: Table | Status
}

/** Follows until the server ends the stream or the signal aborts, which is the normal end: exit code 0. */
export async function watchTable(run: GetRun, start: WatchStart): Promise<number> {
  const { deps, session } = run
  let columns = start.columns
  let hasHeader = start.printed.length > 0
  let widths = columnWidths(linesOf(columns, start.printed, start.style))
  const options = { headers: { accept: TABLE_ACCEPT }, signal: deps.signal }
  for await (const line of session.client.lines(watchPath(run, start), options)) {
    const event = JSON.parse(line) as TableEvent
    if (event.type === 'ERROR') throw new ApiError(event.object as Status)
    if (event.type === 'BOOKMARK') continue
    const table = event.object as Table
    if ((table.columnDefinitions ?? []).length > 0) columns = table.columnDefinitions ?? []
    const lines = linesOf(columns, table.rows ?? [], { ...start.style, headers: start.style.headers && !hasHeader })
    hasHeader = true
    widths = columnWidths(lines, widths)
    await writeText(deps.stdout, align(lines, widths), deps.signal).catch(ignoreAbort)
  }
  return 0
}

/** Names have no watch of their own: a field selector picks them out. */
function watchPath({ options, session }: GetRun, { selection, resourceVersion }: WatchStart): string {
  const { resource, names } = selection
  const namespace = options.allNamespaces === true ? undefined : session.namespace
  const [name] = names
  return withQuery(collectionPath(resource, namespace), {
    watch: true,
    labelSelector: options.selector,
    fieldSelector: name === undefined ? options.fieldSelector : `metadata.name=${name}`,
    resourceVersion,
  })
}

function ignoreAbort(error: unknown): void {
  if (codeOf(error) !== 'ABORT_ERR') throw error
}
