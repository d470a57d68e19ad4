/** `-o custom-columns=NAME:.metadata.name,IMAGE:.spec.containers[*].image`, as kubectl reads and prints it. */
import { compileJsonPath, goText, JsonPathError } from './jsonpath.ts'
import type { FindResults } from './jsonpath.ts'

export interface CustomColumn {
  readonly header: string
  readonly find: FindResults
}

/** @throws JsonPathError */
export function parseCustomColumns(spec: string): readonly CustomColumn[] {
  if (spec === '') throw new JsonPathError('custom-columns format specified but no custom columns given')
  return spec.split(',').map((column) => {
    const colon = column.indexOf(':')
    if (colon < 0) {
      throw new JsonPathError(`unexpected custom-columns spec: ${column}, expected <header>:<json-path-expr>`)
    }
    return { header: column.slice(0, colon), find: compileJsonPath(relaxed(column.slice(colon + 1))) }
  })
}

/** A path may leave out its braces and the first dot; one that is empty finds nothing. */
function relaxed(path: string): string {
  if (path === '') return ''
  const [, braced, bare] = /^\{\.?([^{}]+)\}$|^\.?([^{}]+)$/.exec(path) ?? []
  const inner = braced ?? bare
  if (inner !== undefined) return `{.${inner}}`
  throw new JsonPathError(
    "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'",
  )
}

/** The header and a line for each object, cell by cell. */
export function customLines(
  columns: readonly CustomColumn[],
  objects: readonly unknown[],
  headers: boolean,
): string[][] {
  const rows = objects.map((object) => columns.map(({ find }) => cellOf(find(object))))
  return headers ? [columns.map(({ header }) => header), ...rows] : rows
}

function cellOf(results: readonly (readonly unknown[])[]): string {
  const values = results.flat()
  return values.length === 0 ? '<none>' : values.map(goText).join(',')
}
