/** Protobuf's wire format, as far as Kubernetes uses it: varints and length-delimited fields. */

export type WireValue =
  | { readonly kind: 'varint'; readonly value: bigint }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }

export interface WireField {
  readonly number: number
  readonly value: WireValue
}

/** Bytes that are not the protobuf they should be. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError'
  readonly code = 'MalformedProtobuf'
}

const VARINT_BYTES_MAX = 10

/** The fields of a message in the order they were sent. */
export function* readFields(message: Uint8Array): Iterable<WireField> {
  let at = 0
  while (at < message.length) {
    const tag = readVarint(message, at)
    const number = Number(tag.value >> 3n)
    at = tag.end
    switch (Number(tag.value & 7n)) {
      case 0: {
        const { value, end } = readVarint(message, at)
        yield { number, value: { kind: 'varint', value: BigInt.asIntN(64, value) } }
        at = end
        break
      }
      case 1:
        at += 8
        break
      case 2: {
        const { value: length, end } = readVarint(message, at)
        at = end + Number(length)
        yield { number, value: { kind: 'bytes', bytes: message.subarray(end, at) } }
        break
      }
      case 5:
        at += 4
        break
      default:
        throw new ProtobufError(`unknown wire type ${tag.value & 7n} at byte ${at}`)
    }
    if (at > message.length) throw new ProtobufError('the message ends in the middle of a field')
  }
}

function readVarint(message: Uint8Array, start: number): { readonly value: bigint; readonly end: number } {
  let value = 0n
  for (let at = start; at < start + VARINT_BYTES_MAX; at += 1) {
    const byte = message[at]
    if (byte === undefined) throw new ProtobufError('the message ends in the middle of a number')
    value |= BigInt(byte & 0x7f) << BigInt(7 * (at - start))
    if (byte < 0x80) return { value, end: at + 1 }
  }
  throw new ProtobufError(`a number of more than ${VARINT_BYTES_MAX} bytes`)
}
