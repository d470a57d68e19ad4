/** `sluice describe` and `sluice events`: objects for people, and what happened to them. */
import { type Event, events } from '../../kinds/event.ts'
import { apiVersionOf, type KubeObject, objectKey } from '../../kube/object.ts'
import { connect, type Session } from '../api/connect.ts'
import type { ServedResource } from '../api/discovery.ts'
import { select } from '../api/select.ts'
import { align } from '../api/table.ts'
import type { Call } from '../command.ts'
import { toYaml, withoutManagedFields } from '../output/serialize.ts'
import { writeText } from '../output/write.ts'

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

export async function describe({ args, deps, options }: Call<object>): Promise<number> {
  await using session = await connect(options, deps)
  const { selections } = await select(session.client, args, deps.signal)
  const texts: string[] = []
  for (const { resource, names } of selections) {
    for (const object of await objectsOf(session, resource, names, deps.signal)) {
      texts.push(describeObject(object, await eventsOf(session, object, deps.signal)))
    }
  }
  if (texts.length === 0) deps.stderr.write(`No resources found in ${session.namespace} namespace.\n`)
  await writeText(deps.stdout, texts.join('\n\n'), deps.signal)
  return 0
}

export async function listEvents({ args, deps, options }: Call<object>): Promise<number> {
  await using session = await connect(options, deps)
  const found = args.length === 0 ? await eventsOf(session, undefined, deps.signal) : []
  if (args.length > 0) {
    const { selections } = await select(session.client, args, deps.signal)
    for (const { resource, names } of selections) {
      for (const object of await objectsOf(session, resource, names, deps.signal)) {
        found.push(...(await eventsOf(session, object, deps.signal)))
      }
    }
  }
  if (found.length === 0) deps.stderr.write(`No events found in ${session.namespace} namespace.\n`)
  else await writeText(deps.stdout, eventTable(found), deps.signal)
  return 0
}

async function objectsOf(
  { client, namespace }: Session,
  resource: ServedResource,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  const at = resource.namespaced ? namespace : undefined
  if (names.length > 0) return Promise.all(names.map((name) => client.get(resource, objectKey(at, name), signal)))
  const { items } = await client.list(resource, { ...(at === undefined ? {} : { namespace: at }), signal })
  return items.map((item) => ({ ...item, apiVersion: apiVersionOf(resource), kind: resource.kind }))
}

/** The events about an object, or all of the namespace; the latest is last. */
async function eventsOf(session: Session, about: KubeObject | undefined, signal: AbortSignal): Promise<Event[]> {
  const namespace = about === undefined ? session.namespace : (about.metadata.namespace ?? 'default')
  const { items } = await session.client.list(events, { namespace, signal })
  return items
    .filter(({ involvedObject }) => about === undefined || involvedObject.uid === about.metadata.uid)
    .toSorted((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1))
}

function timeOf({ lastTimestamp, eventTime, metadata }: Event): string {
  return lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? ''
}

function describeObject(object: KubeObject, about: readonly Event[]): string {
  const shown = withoutManagedFields(object) as KubeObject
  const annotations = Object.entries(shown.metadata.annotations ?? {}).filter(([name]) => name !== LAST_APPLIED)
  const text = toYaml({ ...shown, metadata: { ...shown.metadata, annotations: Object.fromEntries(annotations) } })
  return `${text}Events:${about.length === 0 ? '  <none>\n' : `\n${eventTable(about)}`}`
}

function eventTable(found: readonly Event[]): string {
  const rows = found.map((event) => [
    timeOf(event),
    event.type ?? '',
    event.reason ?? '',
    `${event.involvedObject.kind ?? ''}/${event.involvedObject.name ?? ''}`.toLowerCase(),
    event.message ?? '',
  ])
  return align([['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'], ...rows])
}
