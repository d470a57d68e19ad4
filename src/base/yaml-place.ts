/** Finding in the text of a YAML document what a field path names in its value. */
import { type Document, isAlias, isMap, isNode, isScalar, isSeq } from 'yaml'

/** `spec.routes[0]` in pieces: texts are fields, numbers are positions in a list. */
export type FieldPath = readonly (string | number)[]

/** Offset of the deepest part of the path that the document has; of its key, where it stands in a mapping. */
export function offsetOf(document: Document, path: FieldPath): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
      if (pair === undefined) break
      offset = startOf(pair.key) ?? offset
      node = pair.value
    } else if (isSeq(node) && isNode(node.items[Number(step)])) {
      node = node.items[Number(step)]
      offset = startOf(node) ?? offset
    } else break
  }
  return offset
}

/** `spec.routes[0].labels[a.b/c]` → spec, routes, 0, labels, a.b/c. */
export function splitFieldPath(path: string): FieldPath {
  return [...path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, index, name]) => {
    const part = index ?? name ?? ''
    return index !== undefined && /^\d+$/.test(index) ? Number(index) : part.replaceAll(/^"|"$/g, '')
  })
}

/** The reverse of `splitFieldPath`. */
export function joinFieldPath(path: FieldPath): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number' || !/^[\w-]+$/.test(step)) return `[${step}]`
      return index === 0 ? step : `.${step}`
    })
    .join('')
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node.range?.[0] ?? undefined) : undefined
}
