/** The demo's picture of the world, read through the API alone, and the waiting for it to become what it must be. */
import type { Random } from '../../base/random.ts'
import type { Clock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { type VirtualService, virtualServices } from '../gloo-objects.ts'
import { type Release, releases } from '../../kinds/release.ts'
import type { HttpClient } from '../../kube/http-client.ts'
import { createInformers, type Informers } from '../../kube/informers.ts'
import { type KubeObject, type LabelSelector, objectKey, type ResourceType } from '../../kube/object.ts'
import type { StatusObject } from '../status/judge.ts'

const APP_NAMESPACE = 'echo'
const GATEWAY_NAMESPACE = 'gloo-system'
const ROUTE_NAME = 'echo'
const WAIT_MAX_MS = 30_000

/** How fast a change of the routes became live. */
export interface Shift {
  readonly generation: number
  readonly writtenAtMs: number
  /** Absent until every proxy has acknowledged it. */
  readonly liveAtMs: number | undefined
}

interface Workload extends KubeObject {
  readonly spec?: { readonly replicas?: number; readonly selector?: LabelSelector }
}

export interface World {
  route(): VirtualService | undefined
  release(name: string): Release | undefined
  /** Why requests do not go where the routes say, as a release under way says it. */
  whyDifferent(): string | undefined
  /** Ready pods and wanted pods per version. */
  pods(): ReadonlyMap<string, { readonly ready: number; readonly wanted: number }>
  /** Every generation of the route seen so far, in order. */
  shifts(): readonly Shift[]
  /** Calls `listener` whenever anything may have changed. */
  onChange(listener: () => void): void
  /** Resolves once `check` gives something; rejects after half a minute, naming `what` it has waited for. */
  until<T>(what: string, check: () => T | undefined | false): Promise<T>
}

export interface WorldOptions {
  readonly client: HttpClient
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
}

export async function watchWorld(options: WorldOptions): Promise<World> {
  const informers = createInformers(options.client, { ...options, log: silentLog })
  const world = new WatchedWorld(informers, options)
  await world.synced
  return world
}

const DEPLOYMENTS: ResourceType<Workload> = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
}
const PODS: ResourceType<StatusObject> = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true }

class WatchedWorld implements World {
  readonly synced: Promise<unknown>
  readonly #options: WorldOptions
  readonly #informers: Informers
  readonly #listeners = new Set<() => void>()
  #shifts: readonly Shift[] = []

  constructor(informers: Informers, options: WorldOptions) {
    this.#options = options
    this.#informers = informers
    informers.of(virtualServices).onChange(() => this.#noteShift())
    const all = [informers.of(virtualServices), informers.of(releases), informers.of(DEPLOYMENTS), informers.of(PODS)]
    for (const informer of all) informer.onChange(() => this.#changed())
    this.synced = Promise.all(all.map(({ synced }) => synced))
  }

  route(): VirtualService | undefined {
    return this.#informers.of(virtualServices).get(objectKey(GATEWAY_NAMESPACE, ROUTE_NAME))
  }

  release(name: string): Release | undefined {
    return this.#informers.of(releases).get(objectKey(APP_NAMESPACE, name))
  }

  whyDifferent(): string | undefined {
    const all = this.#informers.of(releases).list(APP_NAMESPACE)
    return all.find(({ status }) => status?.traffic?.reason !== undefined)?.status?.traffic?.reason
  }

  pods(): ReadonlyMap<string, { readonly ready: number; readonly wanted: number }> {
    const pods = this.#informers.of(PODS).list(APP_NAMESPACE)
    const wanted = this.#informers
      .of(DEPLOYMENTS)
      .list(APP_NAMESPACE)
      .map(({ spec }) => [spec?.selector?.matchLabels?.['version'] ?? '', spec?.replicas ?? 1] as const)
    const names = new Set([...wanted.map(([name]) => name), ...pods.map(versionOf)])
    return new Map(
      [...names].toSorted().map((name) => [
        name,
        {
          ready: pods.filter((pod) => versionOf(pod) === name && isReady(pod)).length,
          wanted: new Map(wanted).get(name) ?? 0,
        },
      ]),
    )
  }

  shifts(): readonly Shift[] {
    return this.#shifts
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  until<T>(what: string, check: () => T | undefined | false): Promise<T> {
    const { clock, signal } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const look = (): void => {
      const found = check()
      if (found !== undefined && found !== false) resolve(found)
    }
    const onAbort = (): void => reject(signal.reason as Error)
    const timer = clock.after(WAIT_MAX_MS, () =>
      reject(new Error(`Cannot go on: waited ${WAIT_MAX_MS / 1_000} s for ${what}`)),
    )
    this.#listeners.add(look)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    look()
    return promise.finally(() => {
      timer.cancel()
      this.#listeners.delete(look)
      signal.removeEventListener('abort', onAbort)
    })
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }

  #noteShift(): void {
    const route = this.route()
    if (route === undefined) return
    this.#shifts = withShift(this.#shifts, route, this.#options.clock.now())
  }
}

/** The shifts after one more look at the route. Pure. */
export function withShift(shifts: readonly Shift[], route: VirtualService, nowMs: number): readonly Shift[] {
  const generation = route.metadata.generation ?? 0
  const known = shifts.some((shift) => shift.generation === generation)
  const noted = known ? shifts : [...shifts, { generation, writtenAtMs: nowMs, liveAtMs: undefined }]
  const live = programmedGeneration(route)
  return noted.map((shift) =>
    shift.liveAtMs === undefined && shift.generation <= live ? { ...shift, liveAtMs: nowMs } : shift,
  )
}

/** The generation that every proxy has acknowledged; 0 when none. */
export function programmedGeneration({ status }: VirtualService): number {
  const programmed = status?.conditions?.find(({ type }) => type === 'Programmed')
  return programmed?.status === 'True' ? (programmed.observedGeneration ?? 0) : 0
}

function versionOf({ metadata }: KubeObject): string {
  return metadata.labels?.['version'] ?? ''
}

function isReady({ metadata, status }: StatusObject): boolean {
  const ready = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')
  return ready === true && metadata.deletionTimestamp === undefined
}
