/** `pods/{name}/log`: the node side has the text, the API server carries it. */
import { once } from 'node:events'
import { ApiError } from '../../kube/api-error.ts'
import { isAbort, messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { badRequest, unavailable } from '../registry/errors.ts'
import type { Exchange } from './exchange.ts'
import type { Kubelet, PodLogOptions, PodName } from './kubelet.ts'

export async function streamPodLogs(
  kubelet: Kubelet | undefined,
  exchange: Exchange,
  pod: PodName,
  log: Log,
): Promise<void> {
  if (kubelet === undefined) throw unavailable(`Cannot read the logs of pod "${pod.name}": no node agent is running`)
  const { response, signal } = exchange
  const chunks = await kubelet.logs(pod, parseLogOptions(exchange.query), signal)
  try {
    for await (const chunk of chunks) {
      // Headers go out with the first line, so that a failure before it is still a proper Status.
      if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'text/plain' })
      if (!response.write(chunk)) await once(response, 'drain', { signal })
    }
  } catch (error) {
    if (!response.headersSent && error instanceof ApiError) throw error
    if (!isAbort(error, signal)) log.warn('pod log stream failed', { pod: pod.name, error: messageOf(error) })
  }
  if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'text/plain' })
  response.end()
}

function parseLogOptions(query: URLSearchParams): PodLogOptions {
  const sinceTime = query.get('sinceTime') ?? ''
  return {
    follow: isTrue(query.get('follow')),
    previous: isTrue(query.get('previous')),
    timestamps: isTrue(query.get('timestamps')),
    ...namedContainer(query),
    ...(sinceTime === '' ? {} : { sinceTime }),
    ...numberOption(query, 'tailLines'),
    ...numberOption(query, 'sinceSeconds'),
    ...numberOption(query, 'limitBytes'),
  }
}

function numberOption<N extends string>(query: URLSearchParams, name: N): { readonly [K in N]?: number } {
  const text = query.get(name) ?? ''
  if (text === '') return {}
  if (!/^\d{1,12}$/.test(text)) throw badRequest(`Cannot read the query parameter ${name}: "${text}" is not a number`)
  return { [name]: Number(text) } as { readonly [K in N]?: number }
}

export function isTrue(text: string | null): boolean {
  return text === 'true' || text === '1'
}

export function namedContainer(query: URLSearchParams): { readonly container?: string } {
  const container = query.get('container') ?? ''
  return container === '' ? {} : { container }
}
