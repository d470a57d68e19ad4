/**
 * Reads the server name out of the first bytes of a TLS connection (RFC 8446 §4.1.2, RFC 6066 §3), without answering. Strict:
 * a hello whose lengths do not add up is refused, for what we read and what the endpoint reads must be the same.
 */
import { isServerName } from '../../routing/server-name.ts'

export type ClientHello =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'refused' }
  /** Lower case; empty: the client named none. */
  | { readonly kind: 'hello'; readonly serverName: string }

/** The whole handshake message. Those of today have up to 2 KB. */
export const CLIENT_HELLO_BYTES_MAX = 16 * 1024

/** Nobody needs more than a few; a hello in crumbs would be work for us and none for its sender. */
const RECORDS_MAX = 64

const RECORD_HEADER_BYTES = 5
const RECORD_BYTES_MAX = 16 * 1024
const HANDSHAKE_RECORD = 22
const HANDSHAKE_HEADER_BYTES = 4
const CLIENT_HELLO = 1
const SERVER_NAME_EXTENSION = 0
const HOST_NAME = 0

const INCOMPLETE: ClientHello = { kind: 'incomplete' }
const REFUSED: ClientHello = { kind: 'refused' }

/** `input` is everything that came so far. */
export function readClientHello(input: Buffer): ClientHello {
  const fragments: Buffer[] = []
  let have = 0
  for (let at = 0; fragments.length < RECORDS_MAX;) {
    const record = readRecord(input, at)
    if (record === 'incomplete') return INCOMPLETE
    if (record === 'refused') return REFUSED
    fragments.push(record)
    have += record.length
    at += RECORD_HEADER_BYTES + record.length
    if (have < HANDSHAKE_HEADER_BYTES) continue
    const message = Buffer.concat(fragments)
    const length = message.readUIntBE(1, 3)
    if (message[0] !== CLIENT_HELLO || length > CLIENT_HELLO_BYTES_MAX) return REFUSED
    if (have >= HANDSHAKE_HEADER_BYTES + length) {
      return readHello(message.subarray(HANDSHAKE_HEADER_BYTES, HANDSHAKE_HEADER_BYTES + length))
    }
  }
  return REFUSED
}

/** type, version, length, fragment. Looks at each byte as early as it is there. */
function readRecord(input: Buffer, at: number): Buffer | 'incomplete' | 'refused' {
  const type = input[at]
  const major = input[at + 1]
  if (type === undefined) return 'incomplete'
  if (type !== HANDSHAKE_RECORD || (major !== undefined && major !== 3)) return 'refused'
  if (input.length < at + RECORD_HEADER_BYTES) return 'incomplete'
  const length = input.readUInt16BE(at + 3)
  if (length === 0 || length > RECORD_BYTES_MAX) return 'refused'
  const from = at + RECORD_HEADER_BYTES
  return input.length < from + length ? 'incomplete' : input.subarray(from, from + length)
}

/** legacy_version, random, legacy_session_id<0..32>, cipher_suites<2..>, legacy_compression_methods<1..>, extensions<0..> */
function readHello(body: Buffer): ClientHello {
  const reader = new Reader(body)
  reader.skip(2 + 32)
  reader.vector(1)
  reader.vector(2)
  reader.vector(1)
  if (reader.isBroken) return REFUSED
  if (reader.isAtEnd) return { kind: 'hello', serverName: '' }
  const extensions = new Reader(reader.vector(2))
  if (!reader.isAtEnd) return REFUSED
  let serverName: string | undefined
  while (!extensions.isAtEnd && !extensions.isBroken) {
    const type = extensions.number(2)
    const content = extensions.vector(2)
    if (type !== SERVER_NAME_EXTENSION || extensions.isBroken) continue
    const name = serverName === undefined ? readServerName(content) : undefined
    if (name === undefined) return REFUSED
    serverName = name
  }
  return extensions.isBroken ? REFUSED : { kind: 'hello', serverName: serverName ?? '' }
}

/** A list of exactly one name, of the only type there is. */
function readServerName(content: Buffer): string | undefined {
  const outer = new Reader(content)
  const list = new Reader(outer.vector(2))
  const type = list.number(1)
  const name = list.vector(2).toString('latin1')
  const isWhole = !outer.isBroken && outer.isAtEnd && !list.isBroken && list.isAtEnd
  return isWhole && type === HOST_NAME && isServerName(name) && !name.startsWith('*') ? name.toLowerCase() : undefined
}

/** Takes numbers and vectors off the front; once there was too little, it is broken and everything is empty. */
class Reader {
  readonly #bytes: Buffer
  #at = 0
  isBroken = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  skip(count: number): void {
    if (this.#at + count > this.#bytes.length) this.isBroken = true
    else this.#at += count
  }

  number(size: 1 | 2): number {
    const from = this.#at
    this.skip(size)
    return this.isBroken ? 0 : this.#bytes.readUIntBE(from, size)
  }

  /** Its length in `size` bytes, then so many bytes. */
  vector(size: 1 | 2): Buffer {
    const length = this.number(size)
    const from = this.#at
    this.skip(length)
    return this.isBroken ? this.#bytes.subarray(0, 0) : this.#bytes.subarray(from, from + length)
  }
}
