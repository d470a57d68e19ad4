/** Events for people: which are asked for, the latest of them, and how they look. */
import { type Event, events, eventTimes } from '../../kinds/event.ts'
import { age } from '../../kinds/age.ts'
import { type KubeObject } from '../../kube/object.ts'
import type { Session } from '../api/connect.ts'

/** Events that one command prints at most: the latest. The API gives them in pages. */
const EVENTS_SHOWN_MAX = 500

export interface EventList {
  /** In the order of time, the latest last. */
  readonly shown: readonly Event[]
  readonly leftOut: number
  readonly resourceVersion: string
}

export interface EventScope {
  /** Every namespace when absent. */
  readonly namespace: string | undefined
  readonly fieldSelector?: string
}

/** The events about an object, which stand in its namespace. */
export function scopeOf({ metadata }: KubeObject): EventScope {
  return { namespace: metadata.namespace ?? 'default', fieldSelector: `involvedObject.uid=${metadata.uid ?? ''}` }
}

export async function latestEvents(session: Session, scope: EventScope, signal: AbortSignal): Promise<EventList> {
  const { items, resourceVersion } = await session.client.list(events, { ...queryOf(scope), signal })
  const sorted = items.toSorted((a, b) => Date.parse(lastSeen(a)) - Date.parse(lastSeen(b)))
  const shown = sorted.slice(-EVENTS_SHOWN_MAX)
  return { shown, leftOut: sorted.length - shown.length, resourceVersion }
}

export function queryOf({ namespace, fieldSelector }: EventScope): { namespace?: string; fieldSelector?: string } {
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  }
}

/** The columns of `kubectl events`. */
export function eventRows(found: readonly Event[], nowMs: number, withNamespace: boolean): string[][] {
  return found.map((event) => [
    ...(withNamespace ? [event.metadata.namespace ?? ''] : []),
    ageText(event, nowMs),
    event.type ?? '',
    event.reason ?? '',
    `${event.involvedObject.kind ?? ''}/${event.involvedObject.name ?? ''}`,
    messageOf(event),
  ])
}

export function eventHeader(withNamespace: boolean): string[] {
  return [...(withNamespace ? ['NAMESPACE'] : []), 'LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']
}

/** The events below a described object. */
export function describedEvents({ shown }: EventList, nowMs: number): readonly (readonly string[])[] {
  return [
    ['Type', 'Reason', 'Age', 'From', 'Message'],
    ...shown.map((event) => [
      event.type ?? '',
      event.reason ?? '',
      ageText(event, nowMs),
      event.source?.component ?? event.reportingComponent ?? '',
      messageOf(event),
    ]),
  ]
}

/** `12s`, or `12s (x3 over 5m)` for what happened several times. */
function ageText(event: Event, nowMs: number): string {
  const { first, last, count } = eventTimes(event)
  const latest = age(last, nowMs)
  return count > 1 ? `${latest} (x${count} over ${age(first, nowMs)})` : latest
}

function lastSeen(event: Event): string {
  return eventTimes(event).last ?? event.metadata.creationTimestamp ?? ''
}

function messageOf({ message = '' }: Event): string {
  return message.trim().replaceAll(/\s*\n\s*/g, ' ')
}
