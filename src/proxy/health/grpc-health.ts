/** What a server is asked in the health protocol of gRPC (grpc/health/v1/health.proto, `Health.Check`), and what it answers. */

export const GRPC_HEALTH_PATH = '/grpc.health.v1.Health/Check'
/** A longer answer is none. */
const ANSWER_BYTES_MAX = 1_024
/** Of a message: whether it is compressed, and its length. */
const PREFIX_BYTES = 5
/** Field 1 as text and as a number: `service` of the question, `status` of the answer. */
const SERVICE_TAG = 0x0a
const STATUS_TAG = 0x08
const SERVING = 1

/** A call's message: about one service, or with an empty name about the server as a whole. */
export function healthQuestion(service: string): Buffer {
  const name = Buffer.from(service)
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([SERVICE_TAG, ...varint(name.length)]), name])
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** The body of the answer as it comes. */
export class HealthAnswer {
  #bytes: Buffer = Buffer.alloc(0)

  /** False: it is too long to be one. */
  add(chunk: Buffer): boolean {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    return this.#bytes.length <= ANSWER_BYTES_MAX
  }

  /** Whether the message is whole and says that the service serves. */
  get isServing(): boolean {
    const bytes = this.#bytes
    if (bytes.length < PREFIX_BYTES + 2 || bytes.length !== PREFIX_BYTES + bytes.readUInt32BE(1)) return false
    return bytes[0] === 0 && bytes[PREFIX_BYTES] === STATUS_TAG && bytes[PREFIX_BYTES + 1] === SERVING
  }
}

/** As Protocol Buffers write numbers. */
function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]
}
