/** The world as the engine sees it, from the caches. */
import { createHash } from 'node:crypto'
import type { Deployment } from '../../kinds/deployment.ts'
import { ABORT_ANNOTATION, APPROVE_ANNOTATION, RELEASE_FINALIZER } from '../../kinds/release.ts'
import { requestsOf } from './requests.ts'
import type { Release, ReleaseTarget } from '../../kinds/release.ts'
import { conditionsOf } from '../../kube/conditions.ts'
import { keyOf, objectKey, resourceName } from '../../kube/object.ts'
import type { KubeObject, ResourceType } from '../../kube/object.ts'
import { matchesLabels } from '../../kube/selector.ts'
import { conditionOf } from '../../dialects/status.ts'
import type { RouteShift, ShiftContext } from '../../dialects/traffic-shift.ts'
import { metricsQueries } from '../../release/metrics-queries.ts'
import type {
  MetricsReading,
  MetricsSource,
  Plan,
  ReleaseState,
  RouteWorld,
  TargetWorld,
  WorkloadWorld,
  World,
} from '../../release/model.ts'
import type { FreshObjects } from './fresh.ts'
import { routeNamespace } from './plan.ts'
import { whyPodsNotReady } from './pod-trouble.ts'
import { routeCacheFor } from './sources.ts'
import type { ReleaseCaches } from './sources.ts'

export interface Observer {
  readonly caches: ReleaseCaches
  readonly fresh: FreshObjects
  readonly metrics: MetricsSource
  readonly watchedSinceMs: number
}

export interface Observed {
  readonly release: Release
  readonly plan: Plan
  readonly state: ReleaseState
  readonly nowMs: number
}

export function observeWorld(observer: Observer, observed: Observed): World {
  const { metadata, spec } = observed.release
  const approval = metadata.annotations?.[APPROVE_ANNOTATION]
  const abort = metadata.annotations?.[ABORT_ANNOTATION]
  const hasStarted = observed.state.baselines.length > 0
  return {
    targets: spec.targets.map((target) => observeTarget(observer, observed.release, target, hasStarted)),
    metrics: readMetrics(observer.metrics, observed),
    ...(approval === undefined ? {} : { approval }),
    ...(abort === undefined ? {} : { abort }),
    requests: requestsOf(observed.release),
    isDeleting: metadata.deletionTimestamp !== undefined,
    watchedSinceMs: observer.watchedSinceMs,
    hasFinalizer: metadata.finalizers?.includes(RELEASE_FINALIZER) ?? false,
  }
}

function observeTarget(observer: Observer, release: Release, target: ReleaseTarget, hasStarted: boolean): TargetWorld {
  const namespace = release.metadata.namespace ?? ''
  const stable = findDeployment(observer, namespace, target.stable.name)
  const canary = findDeployment(observer, namespace, target.canary.name)
  const ready = readyPods(observer.caches, namespace)
  const context = shiftContext(observer.caches, release, target, { stable, canary })
  return {
    stable: observeWorkload(observer.caches, stable, ready),
    canary: observeWorkload(observer.caches, canary, ready),
    routes: target.routes.map((route) => {
      const key = objectKey(routeNamespace(route, namespace), route.name)
      const cache = routeCacheFor(observer.caches, route)
      const object = cache === undefined ? undefined : observer.fresh.get(cache.informer, key)
      return cache === undefined || object === undefined || object.metadata.deletionTimestamp !== undefined
        ? { kind: 'missing' }
        : observeRoute(cache.shift, object, { release: keyOf(release), context, hasStarted })
    }),
  }
}

function findDeployment({ caches, fresh }: Observer, namespace: string, name: string): Deployment | undefined {
  const found = fresh.get(caches.deployments, objectKey(namespace, name))
  return found?.metadata.deletionTimestamp === undefined ? found : undefined
}

function observeWorkload(
  caches: ReleaseCaches,
  deployment: Deployment | undefined,
  ready: ReadonlySet<string>,
): WorkloadWorld {
  if (deployment === undefined) return { kind: 'missing' }
  const { metadata, spec } = deployment
  const own = caches.pods
    .list(metadata.namespace ?? '')
    .filter((pod) => matchesLabels(spec.selector, pod.metadata.labels))
  const reason = whyPodsNotReady(own, deployment)
  return {
    kind: 'present',
    uid: metadata.uid ?? '',
    revision: hashOf(spec.template),
    replicas: spec.replicas ?? 1,
    ready: own.filter((pod) => ready.has(pod.metadata.name ?? '')).length,
    ...(reason === undefined ? {} : { reason }),
  }
}

/** Names of the pods that some Service of the namespace may send requests to. */
function readyPods({ endpointSlices }: ReleaseCaches, namespace: string): ReadonlySet<string> {
  return new Set(
    endpointSlices
      .list(namespace)
      .flatMap(({ endpoints }) => endpoints)
      .filter(({ conditions }) => conditions?.ready !== false && conditions?.terminating !== true)
      .flatMap(({ targetRef }) => (targetRef?.kind === 'Pod' && targetRef.name !== undefined ? [targetRef.name] : [])),
  )
}

/** Of a pod template as the API stores it; equal for equal templates. */
function hashOf(template: unknown): string {
  return createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 16)
}

export function shiftContext(
  caches: ReleaseCaches,
  release: Release,
  target: ReleaseTarget,
  { stable, canary }: { readonly stable: Deployment | undefined; readonly canary: Deployment | undefined },
): ShiftContext {
  const namespace = release.metadata.namespace ?? ''
  return {
    namespace,
    stableLabels: stable?.spec.template.metadata?.labels ?? {},
    canaryLabels: canary?.spec.template.metadata?.labels ?? {},
    stableName: `${target.stable.kind} ${namespace}/${target.stable.name}`,
    canaryName: `${target.canary.kind} ${namespace}/${target.canary.name}`,
    objects: objectsIn(caches),
  }
}

function objectsIn({ others }: ReleaseCaches): ShiftContext['objects'] {
  return {
    list<T extends KubeObject>(type: ResourceType<T>, inNamespace?: string): readonly T[] {
      const informer = others.find((each) => resourceName(each.type) === resourceName(type))
      // An informer of this type has objects of this type.
      return (informer?.list(inNamespace) ?? []) as readonly T[]
    },
  }
}

interface RouteLook {
  /** `namespace/name` */
  readonly release: string
  readonly context: ShiftContext
  readonly hasStarted: boolean
}

function observeRoute(shift: RouteShift, object: KubeObject, { release, context, hasStarted }: RouteLook): RouteWorld {
  const seen = shift.observe(object, release, context, { hasStarted })
  if (seen.kind === 'held') return seen
  if (seen.kind === 'unfit') {
    return { kind: 'unfit', reason: seen.diagnostics.map(({ message }) => message).join('; ') }
  }
  const { isClaimed, form, shareMin, shareMax } = seen
  const { generation = 0 } = object.metadata
  const conditions = conditionsOf(object)
  const [accepted, programmed] = [conditionOf(conditions, 'Accepted'), conditionOf(conditions, 'Programmed')]
  const isRejected = accepted?.status === 'False' && accepted.observedGeneration === generation
  return {
    kind: 'present',
    isClaimed,
    form,
    shareMin,
    shareMax,
    isProgrammed: programmed?.status === 'True' && programmed.observedGeneration === generation,
    ...(isRejected ? { rejection: accepted.message } : {}),
  }
}

function readMetrics(source: MetricsSource, { release, plan, state, nowMs }: Observed): readonly MetricsReading[] {
  const namespace = release.metadata.namespace ?? ''
  return metricsQueries(plan, state, nowMs).flatMap(({ target, gate, windowFromMs, sinceLiveFromMs }) => {
    const name = release.spec.targets[target]?.canary.name
    if (name === undefined) return []
    const workload = { namespace, name }
    const sinceLive = source(workload, sinceLiveFromMs, nowMs)
    const window = windowFromMs === sinceLiveFromMs ? sinceLive : source(workload, windowFromMs, nowMs)
    return [{ target, gate, window, sinceLive }]
  })
}
