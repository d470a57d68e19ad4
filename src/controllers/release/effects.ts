/** Carries out what the engine asks for. Each write names the version it was decided on: who comes late gets a 409. */
import { assertNever } from '../../base/assert.ts'
import type { RouteShift, ShiftContext } from '../../dialects/traffic-shift.ts'
import { deployments } from '../../kinds/deployment.ts'
import { APPROVE_ANNOTATION, RELEASE_FINALIZER, releases } from '../../kinds/release.ts'
import type { Release, ReleaseTarget } from '../../kinds/release.ts'
import { isReason } from '../../kube/api-error.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { EventRecorder } from '../../kube/events.ts'
import { keyOf, objectKey } from '../../kube/object.ts'
import type { KubeObject, ObjectKey } from '../../kube/object.ts'
import type { Effect } from '../../release/model.ts'
import type { FreshObjects } from './fresh.ts'
import { annotationOf } from './requests.ts'
import { routeNamespace } from './plan.ts'
import { routeCacheFor } from './sources.ts'
import type { ReleaseCaches } from './sources.ts'
import { shiftContext } from './world.ts'

export interface EffectDeps {
  readonly client: KubeClient
  readonly caches: ReleaseCaches
  readonly fresh: FreshObjects
  readonly events: EventRecorder
  readonly signal: AbortSignal
}

/** `release` as it was stored with the state that asked for the effects. */
export async function runEffects(deps: EffectDeps, release: Release, effects: readonly Effect[]): Promise<void> {
  const key = keyOf(release)
  for (const effect of effects) {
    await runEffect(deps, deps.fresh.get(deps.caches.releases, key) ?? release, effect)
  }
}

async function runEffect(deps: EffectDeps, release: Release, effect: Effect): Promise<void> {
  switch (effect.kind) {
    case 'event':
      deps.events.record(release, effect.type, effect.reason, effect.message)
      return
    case 'add-finalizer':
      return writeFinalizers(deps, release, [...(release.metadata.finalizers ?? []), RELEASE_FINALIZER])
    case 'remove-finalizer':
      return writeFinalizers(
        deps,
        release,
        (release.metadata.finalizers ?? []).filter((one) => one !== RELEASE_FINALIZER),
      )
    case 'clear-approval':
      return clearAnnotation(deps, release, { name: APPROVE_ANNOTATION, value: effect.value })
    case 'clear-request':
      return clearAnnotation(deps, release, { name: annotationOf(effect.request), value: effect.value })
    case 'scale':
      return scale(deps, workloadKey(release, effect.target, effect.side), effect.replicas)
    case 'delete-stable':
      return deleteWorkload(deps, workloadKey(release, effect.target, 'stable'), effect.uid)
    case 'shape-route':
      return writeRoute(deps, release, effect, (shift, object, context) =>
        shift.shape(object, keyOf(release), context, effect.form),
      )
    case 'release-route':
      return writeRoute(deps, release, effect, (shift, object) => shift.release(object))
    default:
      return assertNever(effect, 'effect')
  }
}

async function writeFinalizers(deps: EffectDeps, release: Release, finalizers: readonly string[]): Promise<void> {
  const { resourceVersion } = release.metadata
  const body = { metadata: { resourceVersion, finalizers } }
  const written = await ignoreMissing(
    deps.client.patch(releases, keyOf(release), { kind: 'merge', body }, { signal: deps.signal }),
  )
  if (written !== undefined) deps.fresh.note(deps.caches.releases, written)
}

/** Only the very value that was taken: a new one may have come meanwhile, and must stay. */
async function clearAnnotation(
  deps: EffectDeps,
  release: Release,
  { name, value }: { readonly name: string; readonly value: string },
): Promise<void> {
  if (release.metadata.annotations?.[name] !== value) return
  const { resourceVersion } = release.metadata
  const body = { metadata: { resourceVersion, annotations: { [name]: null } } }
  const written = await ignoreMissing(
    deps.client.patch(releases, keyOf(release), { kind: 'merge', body }, { signal: deps.signal }),
  )
  if (written !== undefined) deps.fresh.note(deps.caches.releases, written)
}

async function scale({ client, caches, fresh, signal }: EffectDeps, key: ObjectKey, replicas: number): Promise<void> {
  const deployment = fresh.get(caches.deployments, key)
  if (deployment === undefined) return
  const { resourceVersion } = deployment.metadata
  const body = { metadata: { resourceVersion }, spec: { replicas } }
  const written = await ignoreMissing(client.patch(deployments, key, { kind: 'merge', body }, { signal }))
  if (written !== undefined) fresh.note(caches.deployments, written)
}

async function deleteWorkload({ client, signal }: EffectDeps, key: ObjectKey, uid: string): Promise<void> {
  await ignoreMissing(
    client.delete(deployments, key, { propagationPolicy: 'Background', preconditions: { uid }, signal }),
  )
}

type Edit = (shift: RouteShift, object: KubeObject, context: ShiftContext) => KubeObject

async function writeRoute(
  { client, caches, fresh, signal }: EffectDeps,
  release: Release,
  place: { readonly target: number; readonly route: number },
  edit: Edit,
): Promise<void> {
  const target = release.spec.targets[place.target]
  const route = target?.routes[place.route]
  if (target === undefined || route === undefined) return
  const namespace = release.metadata.namespace ?? ''
  const cache = routeCacheFor(caches, route)
  const object =
    cache === undefined ? undefined : fresh.get(cache.informer, objectKey(routeNamespace(route, namespace), route.name))
  if (cache === undefined || object === undefined) return
  const [stable, canary] = [target.stable, target.canary].map(({ name }) =>
    fresh.get(caches.deployments, objectKey(namespace, name)),
  )
  const edited = edit(cache.shift, object, shiftContext(caches, release, target, { stable, canary }))
  const written = await ignoreMissing(client.update(cache.shift.type, edited, { signal }))
  if (written !== undefined) fresh.note(cache.informer, written)
}

function workloadKey(release: Release, index: number, side: 'stable' | 'canary'): ObjectKey {
  const target: ReleaseTarget | undefined = release.spec.targets[index]
  return objectKey(release.metadata.namespace, target?.[side].name ?? '')
}

/** What is gone meanwhile shows in the cache in a moment, and the engine decides again. */
async function ignoreMissing<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined
    throw error
  }
}
