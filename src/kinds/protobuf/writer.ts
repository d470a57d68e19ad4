/** Writing protobuf's wire format. */

const VARINT = 0
const LENGTH_DELIMITED = 2

/** A field holding a message or a text. */
export function lengthField(number: number, content: Uint8Array | string): Uint8Array {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  return Buffer.concat([tag(number, LENGTH_DELIMITED), varint(BigInt(bytes.length)), bytes])
}

export function varintField(number: number, value: bigint): Uint8Array {
  return Buffer.concat([tag(number, VARINT), varint(BigInt.asUintN(64, value))])
}

function tag(number: number, wireType: number): Uint8Array {
  return varint(BigInt(number * 8 + wireType))
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  return Uint8Array.from([...bytes, Number(rest)])
}
