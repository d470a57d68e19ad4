/** `sluice get`: tables as the server draws them, or whole objects. */
import { isReason } from '../../kube/api-error.ts'
import type { HttpClient } from '../../kube/http-client.ts'
import { collectionPath, withQuery } from '../../kube/resource-path.ts'
import { connect } from '../api/connect.ts'
import type { ServedResource } from '../api/discovery.ts'
import { qualifiedSingular, select, type Selection } from '../api/select.ts'
import { align, linesOf, type Table, TABLE_ACCEPT, type TableStyle } from '../api/table.ts'
import { type Call, UsageError } from '../command.ts'
import type { GetOptions } from '../options.ts'
import { describeError } from '../output/describe-error.ts'
import { writeText } from '../output/write.ts'
import { printObjects } from './get-objects.ts'
import { namedPath } from './get-run.ts'
import type { GetRun } from './get-run.ts'
import { watchTable } from './get-watch.ts'

/** Objects asked for at once; a longer list comes in pages. */
const PAGE_ITEMS = 500

export async function get(call: Call<GetOptions>): Promise<number> {
  const { output = 'wide' } = call.options
  const print =
    output === 'wide'
      ? undefined
      : await (await import('../output/object-printer.ts')).objectPrinter(output, call.deps.cwd)
  await using session = await connect(call.options, call.deps)
  const run: GetRun = { ...call, session }
  const { selections, several } = await select(session.client, call.args, call.deps.signal)
  checkOptions(call.options, selections)
  return print === undefined ? printTables(run, selections, several) : printObjects(run, selections, print)
}

function checkOptions(options: GetOptions, selections: readonly Selection[]): void {
  const named = selections.some(({ names }) => names.length > 0)
  if (named && (options.selector !== undefined || options.allNamespaces === true)) {
    throw new UsageError('Names cannot be combined with --selector or --all-namespaces.')
  }
  if (options.watch === true && selections.length > 1) {
    throw new UsageError('--watch follows one type at a time.')
  }
  if (options.watch === true && options.output !== undefined && options.output !== 'wide') {
    throw new UsageError('--watch prints tables: leave --output out, or use -o wide.')
  }
}

async function printTables(run: GetRun, selections: readonly Selection[], several: boolean): Promise<number> {
  const { deps, options } = run
  let failed = false
  let printed = 0
  for (const selection of selections) {
    const { resource } = selection
    const fetched = await fetchTable(run, selection)
    for (const error of fetched.errors) deps.stderr.write(`${describeError(error)}\n`)
    failed ||= fetched.errors.length > 0
    const style = styleOf(run, resource, several)
    const columns = fetched.table.columnDefinitions ?? []
    const rows = fetched.table.rows ?? []
    if (rows.length > 0) {
      const lines = linesOf(columns, rows, style)
      await writeText(deps.stdout, (printed > 0 ? '\n' : '') + align(lines))
      printed++
    }
    if (options.watch === true && fetched.errors.length === 0) {
      return watchTable(run, {
        selection,
        style,
        columns,
        printed: rows,
        resourceVersion: fetched.table.metadata?.resourceVersion,
      })
    }
  }
  if (printed === 0 && !failed && options.ignoreNotFound !== true)
    deps.stderr.write(`${nothingFound(run, selections)}\n`)
  return failed ? 1 : 0
}

function nothingFound({ options, session }: GetRun, selections: readonly Selection[]): string {
  const clusterWide = selections.every(({ resource }) => !resource.namespaced)
  return clusterWide || options.allNamespaces === true
    ? 'No resources found'
    : `No resources found in ${session.namespace} namespace.`
}

function styleOf({ options }: GetRun, resource: ServedResource, several: boolean): TableStyle {
  return {
    wide: options.output === 'wide',
    withNamespace: options.allNamespaces === true && resource.namespaced,
    withLabels: options.showLabels === true,
    headers: options.headers,
    ...(several ? { namePrefix: qualifiedSingular(resource) } : {}),
  }
}

interface Fetched {
  readonly table: Table
  readonly errors: readonly unknown[]
}

/** One table of a selection; named objects that fail leave an error and do not stop the others. */
async function fetchTable(run: GetRun, { resource, names }: Selection): Promise<Fetched> {
  const tables: Table[] = []
  const errors: unknown[] = []
  for (const path of names.length === 0
    ? [listPath(run, resource)]
    : names.map((name) => namedPath(run, resource, name))) {
    try {
      tables.push(...(await pagesOf(run.session.client, path, run.deps.signal)))
    } catch (error) {
      if (run.options.ignoreNotFound !== true || !isReason(error, 'NotFound')) errors.push(error)
    }
  }
  const table: Table = {
    kind: 'Table',
    metadata: tables.at(-1)?.metadata ?? {},
    columnDefinitions: tables[0]?.columnDefinitions ?? [],
    rows: tables.flatMap(({ rows }) => rows ?? []),
  }
  return { table, errors }
}

async function pagesOf(client: HttpClient, path: string, signal: AbortSignal): Promise<readonly Table[]> {
  const pages: Table[] = []
  let token: string | undefined
  do {
    const at = token === undefined ? path : `${path}&${new URLSearchParams({ continue: token }).toString()}`
    const table = (await client.json(at, { headers: { accept: TABLE_ACCEPT }, signal })) as Table
    if (table.kind !== 'Table') throw new Error('Cannot print the objects: the server draws no tables. Use -o yaml.')
    pages.push(table)
    token = table.metadata?.continue
  } while (token !== undefined && token !== '')
  return pages
}

function listPath({ options, session }: GetRun, resource: ServedResource): string {
  return withQuery(collectionPath(resource, options.allNamespaces === true ? undefined : session.namespace), {
    labelSelector: options.selector,
    fieldSelector: options.fieldSelector,
    limit: PAGE_ITEMS,
  })
}
