/** A request to switch protocols at an endpoint of HTTP/2, and the answer to it in the words of HTTP/1.1. */
import { createHash } from 'node:crypto'

import { responseText } from '../http2/message-text.ts'

/** RFC 6455 §1.3 */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export class Http2Switch {
  readonly protocol: string
  readonly #key: string

  /** `head`: of the request. */
  constructor(head: string, protocol: string) {
    this.protocol = protocol
    const [, key = ''] = /\r\nsec-websocket-key:[ \t]*([^\r \t]*)/i.exec(head) ?? []
    this.#key = key
  }

  /** The 101 for a success. Null: it is malformed. */
  switchingText(list: readonly string[]): string | null {
    const accept = this.#key === '' ? '' : `sec-websocket-accept: ${acceptOf(this.#key)}\r\n`
    const added = `connection: upgrade\r\nupgrade: ${this.protocol}\r\n${accept}`
    const text = responseText(list.with(list.indexOf(':status') + 1, '101'), { isChunked: false, added })
    // Some clients read the whole line.
    return text === null ? null : text.replace(' 101 ', ' 101 Switching Protocols')
  }
}

function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}${WEBSOCKET_GUID}`).digest('base64')
}
