/** `sluice events`: what happened in a namespace, everywhere, or to an object; with --watch also what comes. */
import { type Event, events } from '../../kinds/event.ts'
import { ApiError } from '../../kube/api-error.ts'
import { connect, type Session } from '../api/connect.ts'
import { discover } from '../api/discovery.ts'
import { resourceNamed } from '../api/select.ts'
import { align, columnWidths } from '../api/table.ts'
import { type Call, UsageError } from '../command.ts'
import { eventHeader, eventRows, type EventScope, latestEvents, queryOf } from '../describe/events.ts'
import type { EventsOptions } from '../options.ts'
import { writeText } from '../output/write.ts'

export async function listEvents(call: Call<EventsOptions>): Promise<number> {
  const { deps, options } = call
  await using session = await connect(options, deps)
  const scope = await scopeAsked(session, call)
  const withNamespace = options.allNamespaces === true
  const { shown, leftOut, resourceVersion } = await latestEvents(session, scope, deps.signal)
  if (leftOut > 0) deps.stderr.write(`The latest ${shown.length} of ${shown.length + leftOut} events:\n`)
  const lines = [eventHeader(withNamespace), ...eventRows(shown, deps.clock.now(), withNamespace)]
  if (shown.length > 0) await writeText(deps.stdout, align(lines), deps.signal)
  else if (options.watch !== true) deps.stderr.write(nothingFound(session, options))
  return options.watch === true ? follow(session, call, { scope, resourceVersion, lines }) : 0
}

function nothingFound({ namespace }: Session, { allNamespaces }: EventsOptions): string {
  return allNamespaces === true ? 'No events found.\n' : `No events found in ${namespace} namespace.\n`
}

/** Also about an object that is gone: its events are still there. */
async function scopeAsked(session: Session, { args, deps, options }: Call<EventsOptions>): Promise<EventScope> {
  const [about] = args
  const everywhere = options.allNamespaces === true
  if (about === undefined) return { namespace: everywhere ? undefined : session.namespace }
  const [type = '', name = '', more] = about.split('/')
  if (type === '' || name === '' || more !== undefined)
    throw new UsageError(`Cannot understand "${about}": write TYPE/NAME.`)
  const { kind, namespaced } = resourceNamed(await discover(session.client, deps.signal), type)
  const namespace = everywhere ? undefined : namespaced ? session.namespace : 'default'
  return { namespace, fieldSelector: `involvedObject.kind=${kind},involvedObject.name=${name}` }
}

interface Follow {
  readonly scope: EventScope
  readonly resourceVersion: string
  /** On the screen: they set the widths. */
  readonly lines: readonly (readonly string[])[]
}

/** Until the server ends the stream or the signal aborts, which is the normal end: exit code 0. */
async function follow(
  session: Session,
  { deps, options }: Call<EventsOptions>,
  { scope, resourceVersion, lines }: Follow,
): Promise<number> {
  const withNamespace = options.allNamespaces === true
  let widths = columnWidths(lines)
  let header = lines.length > 1 ? [] : lines
  for await (const change of session.client.watch(events, {
    ...queryOf(scope),
    resourceVersion,
    signal: deps.signal,
  })) {
    if (change.type === 'ERROR') throw new ApiError(change.status)
    if (change.type !== 'ADDED' && change.type !== 'MODIFIED') continue
    const found: readonly Event[] = [change.object]
    const rows = [...header, ...eventRows(found, deps.clock.now(), withNamespace)]
    widths = columnWidths(rows, widths)
    header = []
    await writeText(deps.stdout, align(rows, widths), deps.signal)
  }
  return 0
}
