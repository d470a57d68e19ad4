/** `exec`, `attach` and `port-forward` of a pod, and the stats of a node: checked here, answered by the node side. */
import { assertNever } from '../../base/assert.ts'
import { messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { failure } from '../../kube/api-error.ts'
import type { ApiError } from '../../kube/api-error.ts'
import { badRequest, internal, methodNotAllowed } from '../registry/errors.ts'
import type { Exchange } from './exchange.ts'
import type { AttachOptions, Kubelet, PodName } from './kubelet.ts'
import { isTrue, namedContainer } from './pod-logs.ts'
import { streamRequestOf } from './stream-request.ts'
import type { StreamRequest } from './stream-request.ts'

/** The subresource, as its URL names it. */
export type PodStream = 'exec' | 'attach' | 'portforward'

interface PodStreamTarget {
  readonly pod: PodName
  readonly subresource: PodStream
}

/** Resolves once the stream has ended. */
export async function servePodStream(
  kubelet: Kubelet | undefined,
  exchange: Exchange,
  target: PodStreamTarget,
  log: Log,
): Promise<void> {
  if (exchange.method !== 'GET' && exchange.method !== 'POST') throw methodNotAllowed()
  const { pod, subresource } = target
  const open = opener(kubelet, exchange.query, target)
  if (open === undefined) throw missing(subresource)
  const stream = streamRequestOf(exchange)
  try {
    await open(stream)
  } catch (error) {
    if (!stream.isAccepted) throw error
    log.warn('stream of a pod failed', { pod: pod.name, subresource, error: messageOf(error) })
    exchange.upgrade?.socket.destroy()
  }
  if (!stream.isAccepted) throw internal(`the ${subresource} of pod "${pod.name}" was neither accepted nor refused`)
}

/** The node side's method, for this pod and the options of the query; undefined when the node side has none. */
function opener(
  kubelet: Kubelet | undefined,
  query: URLSearchParams,
  { pod, subresource }: PodStreamTarget,
): ((stream: StreamRequest) => Promise<void>) | undefined {
  switch (subresource) {
    case 'exec':
      return kubelet?.exec?.bind(kubelet, pod, { ...attachOptions(query), command: query.getAll('command') })
    case 'attach':
      return kubelet?.attach?.bind(kubelet, pod, attachOptions(query))
    case 'portforward':
      return kubelet?.portForward?.bind(kubelet, pod, { ports: query.getAll('ports').flatMap(portsIn) })
    default:
      return assertNever(subresource)
  }
}

function portsIn(text: string): readonly number[] {
  if (!/^\d{1,5}(,\d{1,5})*$/.test(text)) {
    throw badRequest(`Cannot read the query parameter ports: ${JSON.stringify(text)} is no list of port numbers`)
  }
  return text.split(',').map(Number)
}

function attachOptions(query: URLSearchParams): AttachOptions {
  const flag = (name: string): boolean => isTrue(query.get(name))
  return {
    ...namedContainer(query),
    stdin: flag('stdin'),
    stdout: flag('stdout'),
    stderr: flag('stderr'),
    tty: flag('tty'),
  }
}

const NAMES = { exec: 'exec', attach: 'attach', portforward: 'port-forward' } as const
const INSTEAD = {
  exec: 'the containers of a pod are processes of this machine, so run the command on this machine',
  attach: 'follow what the pod prints with kubectl logs -f',
  portforward:
    "the pods' addresses can be reached from this machine, so connect to the one that kubectl get pods -o wide shows",
} as const

function missing(subresource: PodStream): ApiError {
  return notImplemented(`${NAMES[subresource]} is not supported by Sluice yet: ${INSTEAD[subresource]}`)
}

/** `GET /api/v1/nodes/{name}/proxy/stats/summary`, where Kubernetes' kubelets have their numbers. */
export async function nodeStats(kubelet: Kubelet | undefined, node: string): Promise<object> {
  if (kubelet?.stats === undefined) {
    throw notImplemented(
      'the stats of a node are not supported by Sluice yet: its pods are processes, so ask ps or top',
    )
  }
  return kubelet.stats(node)
}

function notImplemented(message: string): ApiError {
  return failure({ code: 501, reason: 'NotImplemented', message, details: {} })
}
