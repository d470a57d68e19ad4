/** Objects as text, as `kubectl get -o yaml|json` prints them: keys in order, managedFields left out. */
import { stringify } from 'yaml'

export function toJson(value: unknown): string {
  return `${JSON.stringify(inOrder(value), null, 4)}\n`
}

/** YAML that 1.1 and 1.2 readers understand alike: what either takes for a number or a boolean is quoted. */
export function toYaml(value: unknown): string {
  return stringify(inOrder(value), {
    version: '1.1',
    indentSeq: false,
    lineWidth: 0,
    minContentWidth: 0,
    aliasDuplicateObjects: false,
    singleQuote: false,
  })
}

/** The object as people want to see it. */
export function withoutManagedFields(object: unknown): unknown {
  if (!isRecord(object) || !isRecord(object['metadata'])) return object
  const metadata = Object.entries(object['metadata']).filter(([name]) => name !== 'managedFields')
  return { ...object, metadata: Object.fromEntries(metadata) }
}

/** Keys sorted at every level. */
export function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (!isRecord(value)) return value
  const entries = Object.entries(value).filter(([, part]) => part !== undefined)
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, part]) => [name, inOrder(part)]),
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
