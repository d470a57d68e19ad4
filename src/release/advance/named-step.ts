/** How a person names a step in an annotation: `STEP` or `STEP@REVISION`, the step by its name or number. */
import type { Plan } from '../model.ts'

/** More than a plan has steps: what an annotation names beyond that is not read. */
const ENTRIES_MAX = 50

export interface NamedStep {
  /** As it was written. */
  readonly text: string
  readonly step: string
  /** Of the canary. Undefined: whichever is there when the annotation is seen. */
  readonly revision: string | undefined
}

/** Several with commas between. */
export function entriesOf(annotation: string): readonly NamedStep[] {
  return annotation === '' ? [] : annotation.split(',', ENTRIES_MAX).map((text) => entryOf(text.trim()))
}

export function entryOf(text: string): NamedStep {
  const at = text.indexOf('@')
  return at < 0
    ? { text, step: text, revision: undefined }
    : { text, step: text.slice(0, at), revision: text.slice(at + 1) }
}

/** Index of the step by name, else by number from 1. */
export function stepNamed({ steps }: Plan, text: string): number | undefined {
  const byName = steps.findIndex(({ name }) => name === text)
  if (byName >= 0) return byName
  const number = /^\d{1,3}$/.test(text) ? Number(text) - 1 : -1
  return number >= 0 && number < steps.length ? number : undefined
}
