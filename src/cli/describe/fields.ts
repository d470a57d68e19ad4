/** The layout of `describe`, as kubectl has it: names and values in two columns, what is inside indented. Pure. */
import { align } from '../api/table.ts'

/** A text, several texts below each other, what is inside (behind a text of its own or not), or a table, its header first. */
type Value =
  | string
  | readonly string[]
  | { readonly text?: string; readonly fields: readonly Field[] }
  | { readonly table: readonly (readonly string[])[] }

export type Field = readonly [name: string, value: Value]

const INDENT = '  '
const GAP_CHARACTERS = 2

/** The lines of the fields; values begin in the same column. */
export function fieldLines(fields: readonly Field[], indent = ''): readonly string[] {
  const names = fields.filter(([, value]) => hasText(value)).map(([name]) => name)
  const width = Math.max(0, ...names.map((name) => name.length)) + ':'.length + GAP_CHARACTERS
  return fields.flatMap(([name, value]) => {
    const heading = `${indent}${name}:`
    if (typeof value === 'string') return textLines(heading, [value], indent.length + width)
    if (isTexts(value)) return textLines(heading, value, indent.length + width)
    if ('table' in value) return [heading, ...tableLines(value.table, indent + INDENT)]
    return [
      ...textLines(heading, [value.text ?? ''], indent.length + width),
      ...fieldLines(value.fields, indent + INDENT),
    ]
  })
}

function hasText(value: Value): boolean {
  return typeof value === 'string' || isTexts(value) || ('text' in value && value.text !== undefined)
}

function textLines(heading: string, texts: readonly string[], column: number): readonly string[] {
  const lines = texts.length === 0 ? ['<none>'] : texts.flatMap((text) => text.split('\n'))
  return lines.map((line, index) => `${(index === 0 ? heading : '').padEnd(column)}${line}`.trimEnd())
}

function tableLines(table: readonly (readonly string[])[], indent: string): readonly string[] {
  const [header = [], ...rows] = table
  const ruled = [header, header.map((name) => '-'.repeat(name.length)), ...rows]
  return align(ruled)
    .trimEnd()
    .split('\n')
    .map((line) => `${indent}${line}`.trimEnd())
}

function isTexts(value: Value): value is readonly string[] {
  return Array.isArray(value)
}

/** `a=1`, one a line, in the order of their names. */
export function pairsOf(map: Readonly<Record<string, string>> | undefined, sign: string): readonly string[] {
  return Object.entries(map ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}${sign}${value}`)
}

/** `Tue, 01 Dec 2026 03:00:00 +0000`; nothing for no time. */
export function timeText(time: string | undefined): string {
  return time === undefined ? '' : new Date(time).toUTCString().replace('GMT', '+0000')
}

interface AnyCondition {
  readonly type: string
  readonly status: string
  readonly reason?: string | undefined
  readonly message?: string | undefined
}

/** Reasons and messages only where some condition has one. */
export function conditionFields(conditions: readonly AnyCondition[] | undefined): readonly Field[] {
  if (conditions === undefined || conditions.length === 0) return []
  const columns: readonly (readonly [string, (condition: AnyCondition) => string])[] = [
    ['Type', ({ type }) => type],
    ['Status', ({ status }) => status],
    ['Reason', ({ reason }) => reason ?? ''],
    ['Message', ({ message }) => message ?? ''],
  ]
  const used = columns.filter(([, cell]) => conditions.some((condition) => cell(condition) !== ''))
  const rows = conditions.map((condition) => used.map(([, cell]) => cell(condition)))
  return [['Conditions', { table: [used.map(([name]) => name), ...rows] }]]
}
