/** What is news and not state (Events) goes by itself, as its kind says, so that the store does not grow forever. */
import type { Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import type { KubeObject } from '../../kube/object.ts'
import type { ApiContext } from './context.ts'
import type { Resource } from './resource.ts'

const SWEEP_INTERVAL_MS = 60_000

/** Sweeps about once a minute until the returned function is called. */
export function startExpiry(context: ApiContext): () => void {
  let timer: Timer
  const schedule = (): void => {
    timer = context.clock.after(SWEEP_INTERVAL_MS, () => sweepAndSchedule(), { unref: true })
  }
  const sweepAndSchedule = (): void => {
    for (const resource of context.registry.resources) {
      sweep(context, resource).catch((error: unknown) => {
        context.log.warn('expiry failed', { resource: resource.storage, error: messageOf(error) })
      })
    }
    schedule()
  }
  schedule()
  return () => timer.cancel()
}

async function sweep({ store, clock }: ApiContext, { storage, hub: { expiry } }: Resource): Promise<void> {
  if (expiry === undefined) return
  const newestFirst = store
    .listLatest(storage)
    .map((stored) => ({ stored, lastMs: lastMs(stored.object, expiry.lastSeenMs(stored.object)) }))
    .toSorted((a, b) => b.lastMs - a.lastMs)
  const oldestMs = clock.now() - expiry.ageMaxMs
  const expired = newestFirst.filter(({ lastMs: last }, index) => last < oldestMs || index >= expiry.countMax)
  await Promise.all(expired.map(({ stored }) => store.remove(storage, stored)))
}

function lastMs({ metadata }: KubeObject, seenMs = Number.NaN): number {
  const times = [seenMs, Date.parse(metadata.creationTimestamp ?? '')]
  return Math.max(0, ...times.filter((ms) => !Number.isNaN(ms)))
}
