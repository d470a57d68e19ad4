/** Edits of whole heads: taken as text, so that routes without edits pay nothing and those with some cannot miss a field. */
import type { HeaderEdits } from '../../routing/policy-model.ts'

export interface HeadEdit {
  /** Lower case. */
  readonly dropped: ReadonlySet<string>
  /** Field lines to append, each with its line end. */
  readonly appended: string
}

/** Null: nothing changes. */
export function prepareHeadEdit(edits: HeaderEdits | undefined): HeadEdit | null {
  if (edits === undefined) return null
  // Of several values to set under one name the last one stays.
  const set = new Map(edits.set.map(({ name, value }) => [name.toLowerCase(), `${name}: ${value}\r\n`]))
  const added = edits.add.map(({ name, value }) => `${name}: ${value}\r\n`)
  const dropped = new Set([...edits.remove.map((name) => name.toLowerCase()), ...set.keys()])
  return dropped.size === 0 && added.length === 0 ? null : { dropped, appended: [...set.values(), ...added].join('') }
}

/** `head` is complete, with its empty line. */
export function editHead(head: string, { dropped, appended }: HeadEdit): string {
  if (dropped.size === 0) return `${head.slice(0, -2)}${appended}\r\n`
  const [line = '', ...fields] = head.slice(0, -4).split('\r\n')
  const kept = fields.filter((field) => !dropped.has(field.slice(0, field.indexOf(':')).toLowerCase()))
  return `${[line, ...kept].join('\r\n')}\r\n${appended}\r\n`
}

/** Both, one after the other. */
export function joinEdits(first: HeadEdit | null, second: HeadEdit): HeadEdit {
  if (first === null) return second
  const lines = first.appended.split('\r\n').filter((line) => line !== '')
  const kept = lines.filter((line) => !second.dropped.has(line.slice(0, line.indexOf(':')).toLowerCase()))
  const appended = kept.map((line) => `${line}\r\n`).join('') + second.appended
  return { dropped: new Set([...first.dropped, ...second.dropped]), appended }
}

/** What a field is after the edit; several values are joined by `,`. `name` in lower case, `value`: what came of it, or empty. */
export function editedValue(name: string, value: string, { dropped, appended }: HeadEdit): string {
  const values = value === '' || dropped.has(name) ? [] : [value]
  for (const line of appended.split('\r\n')) {
    const colon = line.indexOf(':')
    if (line.slice(0, colon).toLowerCase() === name) values.push(line.slice(colon + 1).trim())
  }
  return values.join(',')
}
