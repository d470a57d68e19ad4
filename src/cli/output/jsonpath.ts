/** `-o jsonpath`: templates over objects, in kubectl's dialect. */
import { findResults } from './jsonpath/evaluate.ts'
import { goJson, scalarText } from './jsonpath/go-text.ts'
import { parseTemplate } from './jsonpath/parse.ts'

export { JsonPathError } from './jsonpath/error.ts'
export { goText } from './jsonpath/go-text.ts'

/** The values of each action and text of the template, in turn. */
export type FindResults = (object: unknown) => readonly (readonly unknown[])[]

/**
 * The template, ready for any number of objects. Both steps throw.
 * @throws JsonPathError
 */
export function compileJsonPath(template: string): FindResults {
  const parts = parseTemplate(template)
  return (object) => findResults(parts, object)
}

/** As kubectl prints results: values of one action with a blank between them, objects as JSON in one line. */
export function resultsText(results: readonly (readonly unknown[])[]): string {
  return results.map((values) => values.map(valueText).join(' ')).join('')
}

/** `-o jsonpath-as-json`: what each action found, as a list. */
export function resultsJson(results: readonly (readonly unknown[])[]): string {
  return results.map((values) => `${goJson(values, 4)}\n`).join('')
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? goJson(value) : scalarText(value)
}
