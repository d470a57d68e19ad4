/** `sluice describe`: objects for people, and what happened to them. */
import { apiVersionOf, type KubeObject, objectKey } from '../../kube/object.ts'
import { connect, type Session } from '../api/connect.ts'
import type { ServedResource } from '../api/discovery.ts'
import { select } from '../api/select.ts'
import type { Call } from '../command.ts'
import { describedFields } from '../describe/describe.ts'
import { describedEvents, latestEvents, scopeOf } from '../describe/events.ts'
import { type Field, fieldLines } from '../describe/fields.ts'
import type { DescribeOptions } from '../options.ts'
import { describeError } from '../output/describe-error.ts'
import { writeText } from '../output/write.ts'

/** Objects that one command describes at most: each costs requests of its own. */
const OBJECTS_MAX = 500

export async function describe({ args, deps, options }: Call<DescribeOptions>): Promise<number> {
  await using session = await connect(options, deps)
  const { selections } = await select(session.client, args, deps.signal)
  let printed = 0
  let failed = false
  for (const { resource, names } of selections) {
    for await (const object of objectsOf(session, resource, { names, options, signal: deps.signal })) {
      if (object instanceof Error) {
        deps.stderr.write(`${describeError(object)}\n`)
        failed = true
        continue
      }
      if (printed === OBJECTS_MAX)
        throw new Error(`Cannot describe more than ${OBJECTS_MAX} objects: name some of them`)
      const text = await describeObject(session, object, deps)
      await writeText(deps.stdout, `${printed === 0 ? '' : '\n\n'}${text}`, deps.signal)
      printed++
    }
  }
  if (printed === 0 && !failed) deps.stderr.write(nothingFound(session, options))
  return failed ? 1 : 0
}

function nothingFound({ namespace }: Session, { allNamespaces }: DescribeOptions): string {
  return allNamespaces === true ? 'No resources found\n' : `No resources found in ${namespace} namespace.\n`
}

interface Wanted {
  readonly names: readonly string[]
  readonly options: DescribeOptions
  readonly signal: AbortSignal
}

/** The objects one after the other; in the place of one that cannot be read, why. */
async function* objectsOf(
  { client, namespace }: Session,
  resource: ServedResource,
  { names, options, signal }: Wanted,
): AsyncGenerator<KubeObject | Error> {
  const at = resource.namespaced ? namespace : undefined
  for (const name of names) {
    yield await client.get(resource, objectKey(at, name), signal).catch((error: unknown) => {
      if (error instanceof Error && !signal.aborted) return error
      throw error
    })
  }
  if (names.length > 0) return
  const everywhere = at === undefined || options.allNamespaces === true
  const { items } = await client.list(resource, { ...(everywhere ? {} : { namespace: at }), signal })
  for (const item of items) yield { ...item, apiVersion: apiVersionOf(resource), kind: resource.kind }
}

async function describeObject(
  session: Session,
  object: KubeObject,
  { clock, signal }: Call<object>['deps'],
): Promise<string> {
  const about = await latestEvents(session, scopeOf(object), signal)
  const happened: Field =
    about.shown.length === 0 ? ['Events', '<none>'] : ['Events', { table: describedEvents(about, clock.now()) }]
  const fields = await describedFields(session, object, signal)
  return `${fieldLines([...fields, happened]).join('\n')}\n`
}
