/** The server-side tables of `kubectl get` (meta.k8s.io/v1 Table), and how they look in a terminal. */

export interface TableColumn {
  readonly name: string
  readonly priority: number
}

export interface TableRow {
  readonly cells: readonly unknown[]
  readonly object?: { readonly metadata?: TableObjectMeta }
}

interface TableObjectMeta {
  readonly name?: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
}

export interface Table {
  readonly kind: 'Table'
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
  readonly columnDefinitions: readonly TableColumn[] | null
  readonly rows: readonly TableRow[] | null
}

/** Asks for a Table and takes plain JSON where the server has none. */
export const TABLE_ACCEPT = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'

export interface TableStyle {
  readonly wide: boolean
  /** A first column with the namespace. */
  readonly withNamespace: boolean
  readonly withLabels: boolean
  readonly headers: boolean
  /** `deployment.apps`: put before each name, as for several types at once. */
  readonly namePrefix?: string
}

const GAP_CHARACTERS = 3
const COLUMN_CHARACTERS_MIN = 6

/** The cells to print, the header line first. */
export function linesOf(columns: readonly TableColumn[], rows: readonly TableRow[], style: TableStyle): string[][] {
  const shown = columns
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => style.wide || column.priority === 0)
  const header = [
    ...(style.withNamespace ? ['NAMESPACE'] : []),
    ...shown.map(({ column }) => column.name.toUpperCase()),
    ...(style.withLabels ? ['LABELS'] : []),
  ]
  const body = rows.map((row) => [
    ...(style.withNamespace ? [row.object?.metadata?.namespace ?? '<none>'] : []),
    ...shown.map(({ column, index }) => {
      const prefix = column.name === 'Name' && style.namePrefix !== undefined ? `${style.namePrefix}/` : ''
      return prefix + cellText(row.cells[index])
    }),
    ...(style.withLabels ? [labelText(row.object?.metadata?.labels)] : []),
  ])
  return style.headers ? [header, ...body] : body
}

/** Aligns columns as kubectl does: at least six characters, three apart, no blanks at the end of a line. */
export function align(lines: readonly (readonly string[])[], minimum: readonly number[] = []): string {
  const widths = columnWidths(lines, minimum)
  return lines
    .map(
      (cells) =>
        `${cells.map((cell, index) => (index === cells.length - 1 ? cell : pad(cell, widths[index] ?? 0))).join('')}\n`,
    )
    .join('')
}

/** Characters that each column takes, its gap included; never less than `minimum`, so that a watch stays aligned. */
export function columnWidths(lines: readonly (readonly string[])[], minimum: readonly number[] = []): number[] {
  const count = Math.max(minimum.length, ...lines.map((cells) => cells.length), 0)
  return Array.from({ length: count }, (_, index) =>
    Math.max(
      COLUMN_CHARACTERS_MIN,
      minimum[index] ?? 0,
      ...lines.map((cells) => charactersIn(cells[index] ?? '') + GAP_CHARACTERS),
    ),
  )
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - charactersIn(cell)))
}

function charactersIn(text: string): number {
  return Array.from(text).length
}

function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return '<none>'
  return (typeof cell === 'string' ? cell : JSON.stringify(cell)).replaceAll(/[\r\n]+/g, ' ')
}

function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return pairs.length === 0 ? '<none>' : pairs.map(([key, value]) => `${key}=${value}`).join(',')
}
