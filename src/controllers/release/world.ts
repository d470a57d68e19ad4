/** The world as the engine sees it, from the caches. */
import { createHash } from 'node:crypto'
import type { Deployment } from '../../kinds/deployment.ts'
import type { VirtualService } from '../../kinds/gloo-virtual-service.ts'
import { GLOO_STATE } from '../../kinds/gloo-upstream.ts'
import { ABORT_ANNOTATION, APPROVE_ANNOTATION, RELEASE_FINALIZER } from '../../kinds/release.ts'
import { requestsOf } from './requests.ts'
import type { Release, ReleaseTarget } from '../../kinds/release.ts'
import { keyOf, objectKey } from '../../kube/object.ts'
import { matchesLabels } from '../../kube/selector.ts'
import { glooShift } from '../../dialects/gloo/shift.ts'
import type { GlooShiftContext } from '../../dialects/gloo/shift.ts'
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
      const object = observer.fresh.get(observer.caches.virtualServices, key)
      return object === undefined || object.metadata.deletionTimestamp !== undefined
        ? { kind: 'missing' }
        : observeRoute(object, keyOf(release), context, hasStarted)
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
): GlooShiftContext {
  const namespace = release.metadata.namespace ?? ''
  return {
    namespace,
    stableLabels: stable?.spec.template.metadata?.labels ?? {},
    canaryLabels: canary?.spec.template.metadata?.labels ?? {},
    stableName: `${target.stable.kind} ${namespace}/${target.stable.name}`,
    canaryName: `${target.canary.kind} ${namespace}/${target.canary.name}`,
    upstreams: caches.upstreams.list(),
    serviceSelectors: new Map(
      caches.services.list(namespace).map((service) => [keyOf(service), service.spec.selector ?? {}]),
    ),
  }
}

function observeRoute(
  object: VirtualService,
  release: string,
  context: GlooShiftContext,
  hasStarted: boolean,
): RouteWorld {
  const seen = glooShift.observe(object, release, context, { hasStarted })
  if (seen.kind === 'held') return seen
  if (seen.kind === 'unfit') {
    return { kind: 'unfit', reason: seen.diagnostics.map(({ message }) => message).join('; ') }
  }
  const { isClaimed, form, shareMin, shareMax } = seen
  const { generation = 0 } = object.metadata
  const programmed = object.status?.conditions?.find(({ type }) => type === 'Programmed')
  const isRejected = object.status?.state === GLOO_STATE.rejected && object.status.observedGeneration === generation
  return {
    kind: 'present',
    isClaimed,
    form,
    shareMin,
    shareMax,
    isProgrammed: programmed?.status === 'True' && programmed.observedGeneration === generation,
    ...(isRejected ? { rejection: object.status?.reason ?? 'rejected' } : {}),
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
