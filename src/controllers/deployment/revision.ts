/** The numbers and notes that `kubectl rollout history` and `undo` live on: annotations of ReplicaSets. Pure. */
import { ROLLBACK_ANNOTATION } from '../../kinds/deployment.ts'
import type { KubeObject } from '../../kube/object.ts'

export const REVISION = 'deployment.kubernetes.io/revision'
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history'
const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas'
const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas'
/** Old numbers kept in the history annotation, in characters. */
const HISTORY_CHARACTERS_MAX = 2000

/** Annotations of the Deployment that its ReplicaSets do not get. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  ROLLBACK_ANNOTATION,
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
])

export type Annotations = Readonly<Record<string, string>>

export function revisionOf({ metadata }: KubeObject): number {
  const revision = Number(metadata.annotations?.[REVISION] ?? 0)
  return Number.isInteger(revision) && revision > 0 ? revision : 0
}

/** The number that the new ReplicaSet must have: one above all others. */
export function nextRevision(oldSets: readonly KubeObject[]): number {
  return Math.max(0, ...oldSets.map(revisionOf)) + 1
}

/** The new ReplicaSet's annotations: the Deployment's, and its revision, never lowered; old numbers are noted. */
export function newSetAnnotations(deployment: KubeObject, set: KubeObject | undefined, revision: number): Annotations {
  const own = set?.metadata.annotations ?? {}
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => !NOT_COPIED.has(name))
  const before = set === undefined ? 0 : revisionOf(set)
  const raised = Math.max(before, revision)
  return {
    ...own,
    ...Object.fromEntries(copied),
    [REVISION]: String(raised),
    ...(before > 0 && before < raised ? { [REVISION_HISTORY]: history(own[REVISION_HISTORY], before) } : {}),
  }
}

/** The sizes that this set was last made for: how a resize of the Deployment is noticed, and its share computed. */
export function sizeAnnotations(replicas: number, maxReplicas: number): Annotations {
  return { [DESIRED_REPLICAS]: String(replicas), [MAX_REPLICAS]: String(maxReplicas) }
}

export function desiredReplicasOf(set: KubeObject): number | undefined {
  return numberOf(set.metadata.annotations?.[DESIRED_REPLICAS])
}

export function maxReplicasOf(set: KubeObject): number | undefined {
  return numberOf(set.metadata.annotations?.[MAX_REPLICAS])
}

function history(old: string | undefined, revision: number): string {
  const text = old === undefined || old === '' ? String(revision) : `${old},${revision}`
  if (text.length <= HISTORY_CHARACTERS_MAX) return text
  return text.slice(text.indexOf(',', text.length - HISTORY_CHARACTERS_MAX) + 1)
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}
