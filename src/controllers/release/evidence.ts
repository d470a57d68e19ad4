/** What was seen when a release failed, kept while the pods that tell it still run: the reading and their last log lines. */
import type { Release, ReleaseStatus } from '../../kinds/release.ts'
import type { Pod } from '../../kinds/pod.ts'
import { keyOf, objectKey } from '../../kube/object.ts'
import type { ObjectKey } from '../../kube/object.ts'
import { matchesLabels } from '../../kube/selector.ts'
import type { Failure, ReleaseState } from '../../release/model.ts'
import { isReady } from '../pods/availability.ts'
import type { ReleaseCaches } from './sources.ts'

const PODS_MAX = 3
const CONTAINERS_MAX = 4
const LINES_MAX = 20
const LINE_CHARS_MAX = 400
/** The way back never waits longer for a log than this. */
const READ_TIMEOUT_MS = 2_000

export type Evidence = NonNullable<ReleaseStatus['evidence']>

interface LogQuery {
  readonly pod: ObjectKey
  readonly container: string
  readonly tailLines: number
  /** The run before the present one. */
  readonly previous: boolean
  readonly signal: AbortSignal
}

/** The last lines of a container, oldest first; rejects where there are none to read. */
export type PodLogs = (query: LogQuery) => Promise<readonly string[]>

export interface EvidenceDeps {
  readonly caches: ReleaseCaches
  readonly podLogs: PodLogs
  readonly signal: AbortSignal
}

interface FailedStage {
  readonly sinceMs: number
  readonly failure: Failure
}

/** The failure that the release is about to clean up, where nothing is kept of it yet. */
export function newFailure({ status }: Release, { stage }: ReleaseState): FailedStage | undefined {
  if (stage.kind !== 'rolling-back' && stage.kind !== 'paused') return undefined
  return status?.evidence?.at === new Date(stage.sinceMs).toISOString() ? undefined : stage
}

export async function gatherEvidence(
  deps: EvidenceDeps,
  { release, state, failed }: { readonly release: Release; readonly state: ReleaseState; readonly failed: FailedStage },
): Promise<Evidence> {
  const step = state.history.at(-1)?.name
  const pods = canaryPods(deps.caches, release).slice(0, PODS_MAX)
  const wanted = pods.flatMap((pod) => pod.spec.containers.slice(0, CONTAINERS_MAX).map(({ name }) => ({ pod, name })))
  const logs = await Promise.all(wanted.map(({ pod, name }) => lastLines(deps, pod, name)))
  return {
    at: new Date(failed.sinceMs).toISOString(),
    ...(step === undefined ? {} : { step }),
    reading: failed.failure.message,
    logs: logs.filter(({ lines }) => lines.length > 0),
  }
}

/** Pods in trouble first: they have most to tell. */
function canaryPods(caches: ReleaseCaches, { metadata, spec }: Release): readonly Pod[] {
  const namespace = metadata.namespace ?? ''
  const selectors = spec.targets.flatMap(({ canary }) => {
    const found = caches.deployments.get(objectKey(namespace, canary.name))
    return found === undefined ? [] : [found.spec.selector]
  })
  return caches.pods
    .list(namespace)
    .filter((pod) => selectors.some((selector) => matchesLabels(selector, pod.metadata.labels)))
    .toSorted((left, right) => Number(isReady(left)) - Number(isReady(right)))
}

async function lastLines(deps: EvidenceDeps, pod: Pod, container: string): Promise<Evidence['logs'][number]> {
  const { metadata } = pod
  const now = await read(deps, pod, { container, previous: false })
  // A container that has just been started again has nothing to say yet; its last run has.
  const lines = now.length > 0 ? now : await read(deps, pod, { container, previous: true })
  return { pod: metadata.name ?? '', container, lines }
}

async function read(
  { podLogs, signal }: EvidenceDeps,
  pod: Pod,
  part: { readonly container: string; readonly previous: boolean },
): Promise<readonly string[]> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(READ_TIMEOUT_MS)])
    const lines = await podLogs({ pod: keyOf(pod), ...part, tailLines: LINES_MAX, signal: limit })
    return lines.slice(-LINES_MAX).map((line) => line.slice(0, LINE_CHARS_MAX))
  } catch {
    // A pod whose log cannot be read has nothing to tell; that must not hold up the way back.
    return []
  }
}
