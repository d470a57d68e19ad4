/** Deployments: bring the pods from one template to the next, within the limits of the strategy. */
import { deployments } from '../kinds/deployment.ts'
import type { Deployment } from '../kinds/deployment.ts'
import { pods } from '../kinds/pod.ts'
import type { Pod } from '../kinds/pod.ts'
import { replicaSets } from '../kinds/replica-set.ts'
import type { ReplicaSet } from '../kinds/replica-set.ts'
import { createEventRecorder } from '../kube/events.ts'
import type { EventRecorder } from '../kube/events.ts'
import type { Informer } from '../kube/informer.ts'
import { controllerOf, objectKey } from '../kube/object.ts'
import type { ObjectKey } from '../kube/object.ts'
import { requirementsOf } from '../kube/selector.ts'
import { runController, watchKeys, watchObjects } from './controller.ts'
import type { Requeue, Source } from './controller.ts'
import { isRolling } from './deployment/limits.ts'
import { rollBack, wantsRollback } from './deployment/rollback.ts'
import { Rollout } from './deployment/rollout.ts'
import { claim } from './ownership/claim.ts'
import { candidatesFor, controlledBy } from './ownership/indexes.ts'
import { watchOwned } from './ownership/owner-keys.ts'
import { isFinished } from './pods/availability.ts'
import type { WorkloadDeps } from './workload-deps.ts'

/** Runs until the signal aborts; resolves once nothing is under way any more. */
export function runDeploymentController(deps: WorkloadDeps): Promise<void> {
  const controller = new DeploymentController(deps)
  return runController({
    name: 'deployment',
    reconcile: (key, signal) => controller.reconcile(key, signal),
    sources: controller.sources,
    ...deps,
  })
}

class DeploymentController {
  readonly #deps: WorkloadDeps
  readonly #deployments: Informer<Deployment>
  readonly #sets: Informer<ReplicaSet>
  readonly #pods: Informer<Pod>
  readonly #events: EventRecorder

  constructor(deps: WorkloadDeps) {
    this.#deps = deps
    this.#deployments = deps.informers.of(deployments)
    this.#sets = deps.informers.of(replicaSets)
    this.#pods = deps.informers.of(pods)
    this.#events = createEventRecorder({ ...deps, component: 'deployment-controller' })
  }

  get sources(): readonly Source[] {
    return [
      watchKeys(this.#deployments),
      watchOwned(this.#sets, this.#deployments),
      watchObjects(this.#pods, (pod, change) => (change.new === undefined ? this.#deploymentOf(pod) : [])),
    ]
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Requeue | void> {
    const deployment = this.#deployments.get(key)
    if (deployment === undefined) return undefined
    if (requirementsOf(deployment.spec.selector).length === 0) {
      // Such a Deployment would own every pod of its namespace. Nobody means that.
      this.#events.record(
        deployment,
        'Warning',
        'SelectingAll',
        'This deployment is selecting all pods. A non-empty selector is required.',
      )
      return undefined
    }
    const sets = await this.#claim(deployment, signal)
    const { client, clock } = this.#deps
    const isLeaving = deployment.metadata.deletionTimestamp !== undefined
    if (wantsRollback(deployment) && !isLeaving) {
      await rollBack(deployment, sets, { client, events: this.#events, signal })
      return undefined
    }
    const rollout = new Rollout(deployment, sets, { client, events: this.#events, nowMs: clock.now(), signal })
    if (!isLeaving) await this.#advance(deployment, rollout)
    const { deadlineMs } = await rollout.finish()
    return deadlineMs === undefined ? undefined : { requeueAfterMs: deadlineMs - clock.now() + 1 }
  }

  async #advance(deployment: Deployment, rollout: Rollout): Promise<void> {
    if (deployment.spec.paused === true || rollout.isResized) await rollout.resize()
    else if (isRolling(deployment.spec.strategy)) await rollout.roll()
    else await rollout.recreate(() => this.#hasPods(rollout.oldSets))
  }

  #claim(deployment: Deployment, signal: AbortSignal): Promise<readonly ReplicaSet[]> {
    return claim({
      client: this.#deps.client,
      owner: deployment,
      ownerType: deployments,
      selector: deployment.spec.selector,
      type: replicaSets,
      candidates: candidatesFor(this.#sets, deployment),
      signal,
    })
  }

  /** Terminating pods count: what replaces them must not meet them. */
  #hasPods(sets: readonly ReplicaSet[]): boolean {
    return sets.flatMap((set) => controlledBy(this.#pods, set)).some((pod) => !isFinished(pod))
  }

  /** The Deployment that waits for this pod to be gone (Recreate). */
  #deploymentOf(pod: Pod): readonly ObjectKey[] {
    const { namespace } = pod.metadata
    const set = this.#sets.get(objectKey(namespace, controllerOf(pod)?.name ?? ''))
    const owner = set === undefined ? undefined : controllerOf(set)
    return owner === undefined || owner.kind !== deployments.kind ? [] : [objectKey(namespace, owner.name)]
  }
}
