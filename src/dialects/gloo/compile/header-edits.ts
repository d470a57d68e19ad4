/** Header manipulation of several levels as one list of edits. */
import { headerText } from '../kinds/virtual-service.ts'
import type { HeaderManipulation } from '../kinds/virtual-service.ts'
import type { HeaderEdits } from '../../../routing/policy-model.ts'

type Level = HeaderManipulation | undefined

/** Levels in Envoy's order: the route's edits are done first, then the virtual host's on what they made. */
export function requestEdits(levels: readonly Level[]): HeaderEdits | undefined {
  return editsOf(
    levels.map((level) => ({ add: level?.requestHeadersToAdd ?? [], remove: level?.requestHeadersToRemove ?? [] })),
  )
}

export function responseEdits(levels: readonly Level[]): HeaderEdits | undefined {
  return editsOf(
    levels.map((level) => ({ add: level?.responseHeadersToAdd ?? [], remove: level?.responseHeadersToRemove ?? [] })),
  )
}

interface Edits {
  readonly add: NonNullable<HeaderManipulation['requestHeadersToAdd']>
  readonly remove: readonly string[]
}

/** What becomes of one name: the values that came go or stay, and these come on top. */
interface Outcome {
  readonly drops: boolean
  readonly values: readonly string[]
}

/** In each level what is removed goes before anything is added. */
function editsOf(levels: readonly Edits[]): HeaderEdits | undefined {
  const outcomes = new Map<string, Outcome>()
  for (const { add, remove } of levels) {
    for (const name of remove) outcomes.set(name.toLowerCase(), { drops: true, values: [] })
    for (const { header, append = true } of add) {
      const name = (header?.key ?? '').toLowerCase()
      const before = outcomes.get(name) ?? { drops: false, values: [] }
      const value = headerText(header?.value)
      if (value.kind !== 'text' || value.text === '') continue
      outcomes.set(name, append ? { ...before, values: [...before.values, value.text] } : replaced(value.text))
    }
  }
  return outcomes.size === 0 ? undefined : inModel([...outcomes])
}

function replaced(value: string): Outcome {
  return { drops: true, values: [value] }
}

function inModel(outcomes: readonly (readonly [string, Outcome])[]): HeaderEdits {
  return {
    remove: outcomes.flatMap(([name, { drops, values }]) => (drops && values.length === 0 ? [name] : [])),
    set: outcomes.flatMap(([name, { drops, values }]) =>
      drops ? values.slice(0, 1).map((value) => ({ name, value })) : [],
    ),
    add: outcomes.flatMap(([name, { drops, values }]) => values.slice(drops ? 1 : 0).map((value) => ({ name, value }))),
  }
}
