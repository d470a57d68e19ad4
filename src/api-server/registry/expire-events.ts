/** Events are news, not state: they go an hour after they last happened, so that the store does not grow forever. */
import type { Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import type { ApiContext } from './context.ts'
import type { Document } from './document.ts'
import { storageOf } from './resource.ts'

const EVENT_AGE_MAX_MS = 60 * 60_000
const SWEEP_INTERVAL_MS = 60_000
/** Beyond this many, the oldest go early. */
const EVENTS_MAX = 5_000

/** Sweeps about once a minute until the returned function is called. */
export function startEventExpiry(context: ApiContext): () => void {
  const kind = context.registry.find('', 'v1', 'events')
  if (kind === undefined) return () => {}
  const resource = storageOf(kind)
  let timer: Timer
  const schedule = (): void => {
    timer = context.clock.after(SWEEP_INTERVAL_MS, () => sweepAndSchedule(), { unref: true })
  }
  const sweepAndSchedule = (): void => {
    sweep(context, resource).catch((error: unknown) => {
      context.log.warn('event expiry failed', { error: messageOf(error) })
    })
    schedule()
  }
  schedule()
  return () => timer.cancel()
}

async function sweep({ store, clock }: ApiContext, resource: string): Promise<void> {
  const events = store
    .listLatest(resource)
    .map((stored) => ({ stored, lastMs: lastSeenMs(stored.object as Document) }))
    .toSorted((a, b) => b.lastMs - a.lastMs)
  const oldestMs = clock.now() - EVENT_AGE_MAX_MS
  const expired = events.filter(({ lastMs }, index) => lastMs < oldestMs || index >= EVENTS_MAX)
  await Promise.all(expired.map(({ stored }) => store.remove(resource, stored)))
}

function lastSeenMs(event: Document): number {
  const times = [event['lastTimestamp'], event['eventTime'], event.metadata.creationTimestamp]
  const parsed = times.map((time) => (typeof time === 'string' ? Date.parse(time) : Number.NaN))
  return Math.max(0, ...parsed.filter((ms) => !Number.isNaN(ms)))
}
