/** `sluice logs` */
import { assertNever } from '../../base/assert.ts'
import type { HttpClient } from '../../kube/http-client.ts'
import {
  type KubeObject,
  type LabelSelector,
  type LabelSelectorRequirement,
  objectKey,
  type ResourceType,
} from '../../kube/object.ts'
import { objectPath, withQuery } from '../../kube/resource-path.ts'
import { connect, type Session } from '../api/connect.ts'
import { discover } from '../api/discovery.ts'
import { displayName, resourceNamed } from '../api/select.ts'
import type { Call } from '../command.ts'
import type { LogsOptions } from '../options.ts'
import { writeText } from '../output/write.ts'

interface PodView extends KubeObject {
  readonly spec: { readonly containers: readonly { readonly name: string }[] }
  readonly status?: { readonly phase?: string }
}

const pods: ResourceType<PodView> = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true }

export async function logs(call: Call<LogsOptions>): Promise<number> {
  const { args, deps, options } = call
  await using session = await connect(options, deps)
  const pod = await findPod(session, args[0] ?? '', call)
  const path = withQuery(objectPath(pods, objectKey(session.namespace, pod.metadata.name ?? ''), 'log'), {
    container: containerOf(pod, call),
    follow: options.follow,
    tailLines: options.tail,
    previous: options.previous,
    timestamps: options.timestamps,
  })
  for await (const line of session.client.lines(path, { signal: deps.signal, headers: { accept: '*/*' } })) {
    await writeText(deps.stdout, `${line}\n`, deps.signal)
  }
  return 0
}

async function findPod(session: Session, word: string, call: Call<LogsOptions>): Promise<PodView> {
  const { signal } = call.deps
  const slash = word.indexOf('/')
  const named = (name: string): Promise<PodView> => session.client.get(pods, objectKey(session.namespace, name), signal)
  if (slash < 0) return named(word)
  const resource = resourceNamed(await discover(session.client, signal), word.slice(0, slash))
  const name = word.slice(slash + 1)
  if (resource.plural === 'pods' && resource.group === '') return named(name)
  const owner = await session.client.get(resource, objectKey(session.namespace, name), signal)
  const found = await podsOf(session.client, owner, signal)
  const [first] = found
  const display = displayName(resource, name)
  if (first === undefined) throw new Error(`Cannot print the log of "${display}": it has no pods`)
  if (found.length > 1) call.deps.stderr.write(`Found ${found.length} pods, using pod/${first.metadata.name ?? ''}\n`)
  return first
}

/** The pods that a workload or a Service selects, the running ones first, the newest of them first. */
async function podsOf(client: HttpClient, owner: KubeObject, signal: AbortSignal): Promise<readonly PodView[]> {
  const labelSelector = selectorOf(owner)
  if (labelSelector === undefined) return []
  const { items } = await client.list(pods, { namespace: owner.metadata.namespace ?? '', labelSelector, signal })
  const rank = (pod: PodView): string =>
    `${pod.status?.phase === 'Running' ? 1 : 0} ${pod.metadata.creationTimestamp ?? ''}`
  return items.toSorted((a, b) => (rank(a) < rank(b) ? 1 : -1))
}

function selectorOf(owner: KubeObject): string | undefined {
  const selector = (owner as { readonly spec?: { readonly selector?: unknown } }).spec?.selector
  if (typeof selector !== 'object' || selector === null) return undefined
  const { matchLabels, matchExpressions = [] } = selector as LabelSelector
  // A Service's selector is the map itself.
  const labels = matchLabels ?? (matchExpressions.length > 0 ? {} : (selector as Readonly<Record<string, string>>))
  const parts = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  const expressions = matchExpressions.map(requirementText)
  return [...parts, ...expressions].join(',') || undefined
}

function requirementText({ key, operator, values = [] }: LabelSelectorRequirement): string {
  switch (operator) {
    case 'In':
      return `${key} in (${values.join(',')})`
    case 'NotIn':
      return `${key} notin (${values.join(',')})`
    case 'Exists':
      return key
    case 'DoesNotExist':
      return `!${key}`
    default:
      return assertNever(operator, 'operator')
  }
}

function containerOf(pod: PodView, { options }: Call<LogsOptions>): string | undefined {
  const names = pod.spec.containers.map(({ name }) => name)
  const asked = options.container ?? names[0]
  if (asked === undefined || names.includes(asked)) return asked
  const name = pod.metadata.name ?? ''
  throw new Error(`Cannot print the log of container "${asked}": pod "${name}" has only ${names.join(', ')}`)
}
