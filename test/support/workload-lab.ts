/**
 * A real API server with the workload controllers, and a stand-in for the node agent that does with pods whatever a
 * test says, at once.
 */
import { systemClock } from '../../src/base/clock.ts'
import { isAbort } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import { runController, watchKeys } from '../../src/controllers/controller.ts'
import { runWorkloadControllers } from '../../src/controllers/workloads.ts'
import { isReason } from '../../src/kube/api-error.ts'
import { keyOf } from '../../src/kube/object.ts'
import type { KubeObject, ObjectKey, ResourceType } from '../../src/kube/object.ts'
import { namespaces } from '../../src/kinds/namespace.ts'
import { pods } from '../../src/kinds/pod.ts'
import type { Pod } from '../../src/kinds/pod.ts'
import { kinds } from '../../src/dialects/all.ts'
import { startApiLab } from './api-lab.ts'
import type { ApiLab } from './api-lab.ts'

/** What becomes of a pod: `ready`, running but `unready`, or left `pending` as the API has it. */
export type Fate = 'ready' | 'unready' | 'pending'

export interface WorkloadLab extends ApiLab {
  /** Decides the fate of each pod, again at each call of `review`. */
  fateOf: (pod: Pod) => Fate
  /** True while deleted pods are to stay, terminating. */
  lingers: (pod: Pod) => boolean
  /** Applies `fateOf` and `lingers` to all pods again. */
  review(): Promise<void>
  createNamespace(name: string): Promise<void>
  /** Resolves once `holds` is true of all cached objects of the kind in the namespace. */
  untilAll<T extends KubeObject>(
    type: ResourceType<T>,
    namespace: string,
    holds: (objects: readonly T[]) => boolean,
  ): Promise<readonly T[]>
}

const GIVE_UP_AFTER_MS = 20_000

export async function startWorkloadLab(): Promise<WorkloadLab> {
  const api = await startApiLab()
  const stop = new AbortController()
  const { client, informers } = api
  const deps = { client, informers, clock: systemClock, random: systemRandom, log: silentLog, signal: stop.signal }
  const podInformer = informers.of(pods)
  let nextAddress = 1
  const addresses = new Map<string, string>()

  async function tend(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const pod = podInformer.get(key)
    if (pod === undefined) return
    if (pod.metadata.deletionTimestamp !== undefined) {
      if (!lab.lingers(pod)) await client.delete(pods, key, { gracePeriodSeconds: 0, signal }).catch(ignoreNotFound)
      return
    }
    const fate = lab.fateOf(pod)
    if (fate === 'pending') return
    if (pod.spec.nodeName === undefined) {
      await client.update(pods, { ...pod, spec: { ...pod.spec, nodeName: 'here' } }, { signal })
      return
    }
    const uid = pod.metadata.uid ?? ''
    const address = addresses.get(uid) ?? `127.255.${nextAddress >> 8}.${nextAddress++ & 255}`
    addresses.set(uid, address)
    const status = fate === 'ready' ? 'True' : 'False'
    const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready')
    if (ready?.status === status) return
    const lastTransitionTime = new Date().toISOString()
    const conditions = [{ type: 'Ready', status, lastTransitionTime } as const]
    await client.update(
      pods,
      { ...pod, status: { ...pod.status, phase: 'Running', podIP: address, conditions } },
      { subresource: 'status', signal },
    )
  }

  const lab: WorkloadLab = {
    ...api,
    fateOf: () => 'ready',
    lingers: () => false,
    async review() {
      // Conflicts are the puppet's own: it then sees the newer version and does it again.
      await Promise.all(podInformer.list().map((pod) => tend(keyOf(pod), stop.signal).catch(ignoreConflict)))
    },
    async createNamespace(name) {
      await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    },
    untilAll: (type, namespace, holds) => untilAll(api, { type, namespace }, holds),
    async close() {
      stop.abort()
      await running
      await api.close()
    },
  }
  const running = Promise.all([
    runWorkloadControllers({ ...deps, types: kinds.map(({ type }) => type) }),
    runController({ name: 'puppets', reconcile: tend, sources: [watchKeys(podInformer)], ...deps }),
  ]).catch((error: unknown) => {
    if (!isAbort(error, stop.signal)) throw error
  })
  return lab
}

function untilAll<T extends KubeObject>(
  { informers }: ApiLab,
  { type, namespace }: { readonly type: ResourceType<T>; readonly namespace: string },
  holds: (objects: readonly T[]) => boolean,
): Promise<readonly T[]> {
  const informer = informers.of(type)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      unsubscribe?.()
      const last = JSON.stringify(informer.list(namespace), null, 1)
      reject(new Error(`${type.plural} in ${namespace} did not come to the state waited for; they are ${last}`))
    }, GIVE_UP_AFTER_MS)
    const look = (): void => {
      const objects = informer.list(namespace)
      if (!informer.hasSynced || !holds(objects)) return
      unsubscribe?.()
      clearTimeout(timer)
      resolve(objects)
    }
    let unsubscribe: (() => void) | undefined
    unsubscribe = informer.onChange(look)
    void informer.synced.then(look, reject)
  })
}

function ignoreNotFound(error: unknown): void {
  if (!isReason(error, 'NotFound')) throw error
}

function ignoreConflict(error: unknown): void {
  if (!isReason(error, 'Conflict')) throw error
}
