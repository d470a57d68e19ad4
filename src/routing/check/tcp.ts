/** Whether a TCP listener can be served: what TLS and routes it has fit its protocol. */
import type { TcpListener } from '../listener-model.ts'

import { when } from './problem.ts'
import type { Problem } from './problem.ts'
import { checkAccessLog } from './telling.ts'
import { checkServerNames, checkServerTls } from './tls.ts'

/** The longest delay of a timer. */
const DURATION_MS_MAX = 2_147_483_647

export function checkTcpListener(listener: TcpListener, path: string): Problem[] {
  return [
    ...checkServerTls(listener, path),
    ...checkAccessLog(listener.accessLog, `${path}.accessLog`),
    ...listener.routes.flatMap(({ id, serverNames, action, idleTimeoutMs }, index) => [
      ...checkServerNames(serverNames, `${path}.routes[${index}].serverNames`),
      ...when(listener.protocol === 'tcp' && serverNames.length > 0, {
        code: 'no-server-name',
        path: `${path}.routes[${index}].serverNames`,
        message: `Cannot route "${id}" by server name: without TLS clients name none. Leave the names out`,
      }),
      ...when(action.affinity !== undefined, {
        code: 'tcp-affinity',
        path: `${path}.routes[${index}].action.affinity`,
        message: `Cannot keep clients of route "${id}" at a destination: TCP has no request to take a key from. Leave it out`,
      }),
      ...when(action.hashKey !== undefined && action.hashKey.kind !== 'source-address', {
        code: 'tcp-hash-key',
        path: `${path}.routes[${index}].action.hashKey`,
        message: `Cannot balance connections of route "${id}" by a ${action.hashKey?.kind ?? ''}: TCP has no request to take it from. Use source-address`,
      }),
      ...when(!Number.isInteger(idleTimeoutMs) || idleTimeoutMs < 0 || idleTimeoutMs > DURATION_MS_MAX, {
        code: 'bad-duration',
        path: `${path}.routes[${index}].idleTimeoutMs`,
        message: `Cannot time connections of route "${id}" out after ${idleTimeoutMs} ms: it is not a whole number from 0 to ${DURATION_MS_MAX}`,
      }),
    ]),
  ]
}
