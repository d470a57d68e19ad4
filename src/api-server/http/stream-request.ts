/**
 * A client's connection that is to leave HTTP: WebSocket with Kubernetes' channels (exec, attach, port-forward). Until it is
 * accepted, a refusal is an ordinary answer; from then on the node side owns it.
 */
import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { failure } from '../../kube/api-error.ts'
import { badRequest } from '../registry/errors.ts'
import type { Exchange } from './exchange.ts'

/** The best first. v5 can close the input of a command, v4 cannot. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const

export interface StreamRequest {
  readonly protocol: (typeof PROTOCOLS)[number]
  /** Aborts when the client is gone or the server stops; the connection is closed then. */
  readonly signal: AbortSignal
  /** Switches protocols. The connection carries WebSocket frames; whoever takes it reads it and ends it. */
  accept(): Duplex
}

/** @throws ApiError for a request that is no upgrade, or one to a protocol that is not spoken here */
export function streamRequestOf(exchange: Exchange): StreamRequest & { readonly isAccepted: boolean } {
  const { upgrade, request, response, signal } = exchange
  if (upgrade === undefined) throw badRequest('Upgrade request required')
  const to = (request.headers.upgrade ?? '').toLowerCase()
  if (to.startsWith('spdy/')) throw spdyRefused()
  const key = request.headers['sec-websocket-key']
  if (to !== 'websocket' || request.headers['sec-websocket-version'] !== '13' || key === undefined) {
    throw badRequest(`Cannot upgrade to ${JSON.stringify(to)}: only WebSocket (RFC 6455, version 13) is spoken here`)
  }
  const protocol = protocolOf(request.headers['sec-websocket-protocol'] ?? '')
  const { socket, head } = upgrade
  const stream = {
    protocol,
    signal,
    isAccepted: false,
    accept: (): Duplex => {
      stream.isAccepted = true
      socket.pause()
      if (head.length > 0) socket.unshift(head)
      response.detachSocket(socket)
      signal.addEventListener('abort', () => socket.destroy(), { once: true })
      socket.write(handshake(key, protocol))
      return socket
    },
  }
  return stream
}

function protocolOf(offered: string): StreamRequest['protocol'] {
  const names = offered.split(',').map((name) => name.trim())
  const found = PROTOCOLS.find((protocol) => names.includes(protocol))
  if (found !== undefined) return found
  throw badRequest(`Cannot speak ${JSON.stringify(offered)} over WebSocket: offer one of ${PROTOCOLS.join(', ')}`)
}

function spdyRefused(): Error {
  const message =
    'SPDY/3.1 is not spoken here: use kubectl 1.31 or newer, which speaks WebSocket (KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true from 1.29)'
  return failure({ code: 501, reason: 'NotImplemented', message, details: {} })
}

/** RFC 6455, section 1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

function handshake(key: string, protocol: string): string {
  const accept = createHash('sha1').update(`${key}${WEBSOCKET_GUID}`).digest('base64')
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    `Sec-WebSocket-Protocol: ${protocol}`,
    '',
    '',
  ].join('\r\n')
}
