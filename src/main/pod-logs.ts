/** The last lines of a container's log, through the API as everybody reads them. */
import type { PodLogs } from '../controllers/release.ts'
import { pods } from '../kinds/pod.ts'
import type { HttpClient } from '../kube/http-client.ts'
import { objectPath, withQuery } from '../kube/resource-path.ts'

export function podLogsOf(client: HttpClient): PodLogs {
  return async ({ pod, container, tailLines, previous, signal }) => {
    const path = withQuery(objectPath(pods, pod, 'log'), { container, tailLines, previous })
    const lines: string[] = []
    for await (const line of client.lines(path, { signal, headers: { accept: '*/*' } })) lines.push(line)
    return lines
  }
}
