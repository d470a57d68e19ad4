/** What kubectl can ask of a pod that Sluice does not do yet: said as such, with another way to get there. */
import { failure } from '../../kube/api-error.ts'
import type { ApiError } from '../../kube/api-error.ts'

const INSTEAD: ReadonlyMap<string, readonly [name: string, way: string]> = new Map([
  ['exec', ['exec', 'the containers of a pod are processes of this machine, so run the command on this machine']],
  ['attach', ['attach', 'follow what the pod prints with kubectl logs -f']],
  [
    'portforward',
    [
      'port-forward',
      "the pods' addresses can be reached from this machine, so connect to the one that kubectl get pods -o wide shows",
    ],
  ],
])

/** The error for such a subresource of a pod; undefined for any other. */
export function unsupportedStream(subresource: string): ApiError | undefined {
  const found = INSTEAD.get(subresource)
  if (found === undefined) return undefined
  const [name, way] = found
  return failure({
    code: 405,
    reason: 'MethodNotAllowed',
    message: `${name} is not supported by Sluice yet: ${way}`,
    details: {},
  })
}
