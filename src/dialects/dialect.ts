/** What every dialect's compiler shares: how it reports about objects. */
import type { Diagnostic } from '../base/diagnostic.ts'
import type { KubeObject } from '../kube/object.ts'
import type { SourceGeneration } from '../routing/model.ts'
import type { ObjectReference } from '../routing/route-model.ts'

/** What a compiler has to say about one object that it was given. */
export interface ObjectReport {
  readonly object: ObjectReference
  readonly uid: string
  /** The generation that the diagnostics are about. */
  readonly generation: number
  readonly diagnostics: readonly Diagnostic[]
  /** The generation that the output contains: an older one where this one has errors; absent: none. */
  readonly served?: number
}

export function referenceTo({ kind, metadata }: KubeObject): ObjectReference {
  return { kind, namespace: metadata.namespace ?? '', name: metadata.name ?? '' }
}

export function sourceOf(object: KubeObject): SourceGeneration {
  return { ...referenceTo(object), uid: object.metadata.uid ?? '', generation: object.metadata.generation ?? 1 }
}

/** By code units, so that the order is the same on every machine. */
export function byText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** Oldest first, then by key: who comes first keeps what two objects claim. */
export function byAge(a: KubeObject, b: KubeObject): number {
  return (
    byText(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
    byText(a.metadata.namespace ?? '', b.metadata.namespace ?? '') ||
    byText(a.metadata.name ?? '', b.metadata.name ?? '')
  )
}
