/**
 * The annotation in which `kubectl apply` and `sluice apply` keep what was applied last: from it comes what a later
 * file no longer says. Byte for byte as kubectl writes it, so that both may take turns on one object.
 */
import type { KubeObject } from '../../kube/object.ts'
import { inOrder } from '../output/serialize.ts'

export const LAST_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration'

/** The object with the annotation that describes the object itself, without the annotation. */
export function withLastApplied(object: KubeObject): KubeObject {
  const others = Object.entries(object.metadata.annotations ?? {}).filter(([name]) => name !== LAST_APPLIED_ANNOTATION)
  const annotations = Object.fromEntries(others)
  const text = encode({ ...object, metadata: { ...object.metadata, annotations } })
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...annotations, [LAST_APPLIED_ANNOTATION]: text } },
  }
}

/** What was applied last; undefined when the object was made by other means or the annotation is broken. */
export function lastApplied(live: KubeObject): unknown {
  const text = live.metadata.annotations?.[LAST_APPLIED_ANNOTATION]
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    // A broken annotation is as good as none: nothing is removed then, as with kubectl.
    return undefined
  }
}

/** JSON as Go writes it: keys in order, HTML characters escaped, a line feed at the end. */
function encode(value: unknown): string {
  const escaped = JSON.stringify(inOrder(value)).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  )
  return `${escaped}\n`
}
