/** Events (core/v1): what happened to an object, for people to read. */
import type { KubeObject, ResourceType } from '../kube/object.ts'
import { age } from './age.ts'
import { invalid } from './field-errors.ts'
import type { FieldError, Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { core } from './published.ts'
import { objectReference } from './references.ts'
import type { Infer } from './schema.ts'
import { int32, microTime, optional, required, string, time } from './schema.ts'

const eventSource = core('EventSource', {
  component: optional(string, 1),
  host: optional(string, 2),
})

const eventSeries = core('EventSeries', {
  count: optional(int32, 1),
  lastObservedTime: optional(microTime, 2),
})

const event = core('Event', {
  ...typeMeta,
  metadata: required(objectMeta, 1),
  involvedObject: required(objectReference, 2),
  reason: optional(string, 3),
  message: optional(string, 4),
  source: optional(eventSource, 5),
  firstTimestamp: optional(time, 6),
  lastTimestamp: optional(time, 7),
  count: optional(int32, 8),
  type: optional(string, 9),
  eventTime: optional(microTime, 10),
  series: optional(eventSeries, 11),
  action: optional(string, 12),
  related: optional(objectReference, 13),
  reportingComponent: optional(string, 14),
  reportingInstance: optional(string, 15),
})

export interface Event extends KubeObject {
  readonly involvedObject: Infer<typeof objectReference>
  readonly reason?: string
  readonly message?: string
  readonly source?: Infer<typeof eventSource>
  readonly firstTimestamp?: string
  readonly lastTimestamp?: string
  readonly count?: number
  /** `Normal` or `Warning`. */
  readonly type?: string
  readonly eventTime?: string
  readonly series?: Infer<typeof eventSeries>
  readonly action?: string
  readonly related?: Infer<typeof objectReference>
  readonly reportingComponent?: string
  readonly reportingInstance?: string
}

export const events: ResourceType<Event> = {
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
}

export const eventKind: Kind<Event> = {
  type: events,
  singular: 'event',
  shortNames: ['ev'],
  categories: [],
  schema: event,
  hasStatus: false,
  validate: validateEvent,
  columns: [
    { name: 'Last Seen', type: 'string', priority: 0, cell: (object, nowMs) => age(lastSeen(object), nowMs) },
    { name: 'Type', type: 'string', priority: 0, cell: (object) => object.type ?? '' },
    { name: 'Reason', type: 'string', priority: 0, cell: (object) => object.reason ?? '' },
    { name: 'Object', type: 'string', priority: 0, cell: subject },
    { name: 'Subobject', type: 'string', priority: 1, cell: (object) => object.involvedObject.fieldPath ?? '' },
    { name: 'Source', type: 'string', priority: 1, cell: source },
    { name: 'Message', type: 'string', priority: 0, cell: (object) => (object.message ?? '').trim() },
    { name: 'First Seen', type: 'string', priority: 1, cell: (object, nowMs) => age(firstSeen(object), nowMs) },
    { name: 'Count', type: 'string', priority: 1, cell: (object) => String(occurrences(object)) },
    { name: 'Name', type: 'string', priority: 1, cell: (object) => object.metadata.name ?? '' },
  ],
  placesName: true,
  expiry: { ageMaxMs: 60 * 60_000, countMax: 5_000, lastSeenMs: (object) => Date.parse(lastSeen(object) ?? '') },
  selectableFields: {
    'involvedObject.kind': (object) => object.involvedObject.kind ?? '',
    'involvedObject.namespace': (object) => object.involvedObject.namespace ?? '',
    'involvedObject.name': (object) => object.involvedObject.name ?? '',
    'involvedObject.uid': (object) => object.involvedObject.uid ?? '',
    'involvedObject.apiVersion': (object) => object.involvedObject.apiVersion ?? '',
    'involvedObject.resourceVersion': (object) => object.involvedObject.resourceVersion ?? '',
    'involvedObject.fieldPath': (object) => object.involvedObject.fieldPath ?? '',
    reason: (object) => object.reason ?? '',
    reportingComponent: (object) => object.reportingComponent ?? '',
    source: (object) => object.source?.component ?? object.reportingComponent ?? '',
    type: (object) => object.type ?? '',
  },
  strategicPatch: true,
}

/** When it happened first and last, and how often. */
export function eventTimes(object: Event): { readonly first?: string; readonly last?: string; readonly count: number } {
  const first = firstSeen(object)
  const last = lastSeen(object)
  return {
    count: occurrences(object),
    ...(first === undefined ? {} : { first }),
    ...(last === undefined ? {} : { last }),
  }
}

function firstSeen(object: Event): string | undefined {
  return object.firstTimestamp ?? object.eventTime
}

function lastSeen(object: Event): string | undefined {
  return object.series?.lastObservedTime ?? object.lastTimestamp ?? firstSeen(object)
}

function occurrences(object: Event): number {
  return object.series?.count ?? object.count ?? 1
}

/** `pod/echo-1` */
function subject({ involvedObject }: Event): string {
  const kind = (involvedObject.kind ?? '').toLowerCase()
  return involvedObject.name === undefined || involvedObject.name === '' ? kind : `${kind}/${involvedObject.name}`
}

/** `runtime, node-1` */
function source({ source: from, reportingComponent, reportingInstance }: Event): string {
  const component = from?.component ?? reportingComponent ?? ''
  const host = from?.host ?? reportingInstance ?? ''
  return host === '' ? component : `${component}, ${host}`
}

/** Events stand beside what they are about; those about cluster-wide objects stand in `default`. */
function validateEvent({ involvedObject, metadata }: Event): readonly FieldError[] {
  const about = involvedObject.namespace ?? ''
  const isRight = about === '' ? metadata.namespace === 'default' : metadata.namespace === about
  return isRight ? [] : [invalid('involvedObject.namespace', about, 'does not match event.namespace')]
}
