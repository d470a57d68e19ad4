/** Just enough of DER (ITU-T X.690) to write a certificate. Reading them is Node's work. */

export type Der = Buffer

function tagged(tag: number, content: Buffer): Der {
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest >>= 8) bytes.unshift(rest & 0xff)
  return Buffer.from([0x80 | bytes.length, ...bytes])
}

export function sequence(...items: readonly Der[]): Der {
  return tagged(0x30, Buffer.concat(items))
}

export function set(...items: readonly Der[]): Der {
  return tagged(0x31, Buffer.concat(items))
}

/** A non-negative integer from its big-endian bytes. */
export function unsignedInteger(bytes: Buffer): Der {
  const start = bytes.findIndex((byte) => byte !== 0)
  const digits = start < 0 ? Buffer.from([0]) : bytes.subarray(start)
  // A leading bit of 1 would make it negative.
  return tagged(0x02, (digits[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits)
}

export function boolean(value: boolean): Der {
  return tagged(0x01, Buffer.from([value ? 0xff : 0]))
}

export function bitString(bytes: Buffer, unusedBits = 0): Der {
  return tagged(0x03, Buffer.concat([Buffer.from([unusedBits]), bytes]))
}

export function octetString(bytes: Buffer): Der {
  return tagged(0x04, bytes)
}

export function utf8String(text: string): Der {
  return tagged(0x0c, Buffer.from(text))
}

/** `1.2.840.10045.4.3.2` */
export function objectIdentifier(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f]
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift((rest & 0x7f) | 0x80)
  return bytes
}

/** UTCTime until 2049, GeneralizedTime from 2050 on, as RFC 5280 §4.1.2.5 asks. */
export function time(date: Date): Der {
  const digits = date
    .toISOString()
    .replace(/[-:T]/g, '')
    .replace(/\.\d+Z$/, 'Z')
  return date.getUTCFullYear() < 2050 ? tagged(0x17, Buffer.from(digits.slice(2))) : tagged(0x18, Buffer.from(digits))
}

/** A context-specific tag around whole elements. */
export function explicit(tag: number, content: Der): Der {
  return tagged(0xa0 | tag, content)
}

/** A context-specific tag in place of a primitive's own. */
export function implicit(tag: number, bytes: Buffer): Der {
  return tagged(0x80 | tag, bytes)
}
