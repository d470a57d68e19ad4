/** `spec.rollbackTo` of Deployments before apps/v1: the template of an earlier revision becomes the Deployment's again. */
import { ROLLBACK_ANNOTATION, deployments } from '../../kinds/deployment.ts'
import type { Deployment } from '../../kinds/deployment.ts'
import type { ReplicaSet } from '../../kinds/replica-set.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { EventRecorder } from '../../kube/events.ts'
import { revisionOf } from './revision.ts'
import { isSameTemplate, withoutHash } from './template.ts'

export interface RollbackDeps {
  readonly client: KubeClient
  readonly events: EventRecorder
  readonly signal: AbortSignal
}

export function wantsRollback({ metadata }: Deployment): boolean {
  return metadata.annotations?.[ROLLBACK_ANNOTATION] !== undefined
}

/** Takes the template of the revision over where there is one, says what came of it, and clears the request. */
export async function rollBack(deployment: Deployment, sets: readonly ReplicaSet[], deps: RollbackDeps): Promise<void> {
  const { [ROLLBACK_ANNOTATION]: wanted = '', ...annotations } = deployment.metadata.annotations ?? {}
  const found = setToGoBackTo(sets, wanted)
  const isSame = found !== undefined && isSameTemplate(found.spec.template, deployment.spec.template)
  report(deployment, deps.events, { found, isSame })
  const template = found === undefined || isSame ? deployment.spec.template : withoutHash(found.spec.template)
  await deps.client.update(
    deployments,
    { ...deployment, metadata: { ...deployment.metadata, annotations }, spec: { ...deployment.spec, template } },
    { signal: deps.signal },
  )
}

/** Revision 0 is the one before the present one. */
function setToGoBackTo(sets: readonly ReplicaSet[], wanted: string): ReplicaSet | undefined {
  const newestFirst = sets.filter((set) => revisionOf(set) > 0).toSorted((a, b) => revisionOf(b) - revisionOf(a))
  return wanted === '0' ? newestFirst[1] : newestFirst.find((set) => String(revisionOf(set)) === wanted)
}

/** In Kubernetes' words: the events are what the client that asked looks for. */
function report(
  deployment: Deployment,
  events: EventRecorder,
  { found, isSame }: { readonly found: ReplicaSet | undefined; readonly isSame: boolean },
): void {
  const name = JSON.stringify(deployment.metadata.name)
  if (found === undefined) {
    events.record(deployment, 'Warning', 'RollbackRevisionNotFound', 'Unable to find the revision to rollback to.')
  } else if (isSame) {
    const message = `The rollback revision contains the same template as current deployment ${name}`
    events.record(deployment, 'Warning', 'RollbackTemplateUnchanged', message)
  } else {
    const message = `Rolled back deployment ${name} to revision ${revisionOf(found)}`
    events.record(deployment, 'Normal', 'RollbackDone', message)
  }
}
