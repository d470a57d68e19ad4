/** A Deployment's ReplicaSets: which is the new one, how the next one is made, which have had their day. Pure. */
import type { Deployment } from '../../kinds/deployment.ts'
import { replicaSets } from '../../kinds/replica-set.ts'
import type { ReplicaSet } from '../../kinds/replica-set.ts'
import { deployments } from '../../kinds/deployment.ts'
import { apiVersionOf } from '../../kube/object.ts'
import { controllerReference } from '../ownership/claim.ts'
import type { SetSize } from './plan.ts'
import { maxReplicasOf, revisionOf } from './revision.ts'
import type { Annotations } from './revision.ts'
import { TEMPLATE_HASH_LABEL, isSameTemplate, templateHash, withHash } from './template.ts'

/** Revisions kept for `kubectl rollout undo`, where the Deployment does not say. */
const HISTORY_KEPT = 10

/** The set whose template is the Deployment's; of several the oldest, so that everybody picks the same. */
export function findNewSet({ spec }: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return oldestFirst(sets).find((set) => isSameTemplate(set.spec.template, spec.template))
}

/** The next ReplicaSet, named after its template: creating it twice is impossible. */
export function makeNewSet(deployment: Deployment, replicas: number, annotations: Annotations): ReplicaSet {
  const { metadata, spec, status } = deployment
  const hash = templateHash(spec.template, status?.collisionCount)
  const template = withHash(spec.template, hash)
  const { selector, minReadySeconds } = spec
  return {
    apiVersion: apiVersionOf(replicaSets),
    kind: replicaSets.kind,
    metadata: {
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      name: `${metadata.name ?? ''}-${hash}`,
      labels: template.metadata?.labels ?? {},
      annotations,
      ownerReferences: [controllerReference(deployment, deployments)],
    },
    spec: {
      replicas,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [TEMPLATE_HASH_LABEL]: hash } },
      template,
    },
  }
}

export function sizeOf(set: ReplicaSet): SetSize {
  const maxReplicas = maxReplicasOf(set)
  return {
    name: set.metadata.name ?? '',
    replicas: set.spec.replicas ?? 1,
    pods: set.status?.replicas ?? 0,
    available: set.status?.availableReplicas ?? 0,
    createdMs: createdMs(set),
    ...(maxReplicas === undefined ? {} : { maxReplicas }),
  }
}

/** Old sets without pods beyond the revisions to keep, oldest revision first. */
export function expiredSets({ spec }: Deployment, oldSets: readonly ReplicaSet[]): readonly ReplicaSet[] {
  const kept = spec.revisionHistoryLimit ?? HISTORY_KEPT
  const empty = oldSets.filter(isEmpty).toSorted((a, b) => revisionOf(a) - revisionOf(b) || createdMs(a) - createdMs(b))
  return empty.slice(0, Math.max(0, empty.length - kept)).filter((set) => set.metadata.deletionTimestamp === undefined)
}

function isEmpty({ metadata, spec, status }: ReplicaSet): boolean {
  return (
    spec.replicas === 0 &&
    (status?.replicas ?? 0) === 0 &&
    (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  )
}

function oldestFirst(sets: readonly ReplicaSet[]): readonly ReplicaSet[] {
  return sets.toSorted(
    (a, b) => createdMs(a) - createdMs(b) || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1),
  )
}

function createdMs({ metadata }: ReplicaSet): number {
  return Date.parse(metadata.creationTimestamp ?? '') || 0
}
