/**
 * Values of strangers in a log: whatever a header says, an entry stays one line, and a quoted value ends where it ends. What
 * is UTF-8 stays readable.
 */

const DELICATE = /[^\x20\x21\x23-\x5b\x5d-\x7e]/
const EACH_DELICATE = new RegExp(DELICATE, 'g')
/** By character code: 1 for those that stand for themselves in a text and in a JSON string. */
export const IS_PLAIN = Uint8Array.from({ length: 256 }, (_, code) =>
  DELICATE.test(String.fromCharCode(code)) ? 0 : 1,
)
/** Controls of both sets, line ends of Unicode, quote and backslash. */
// oxlint-disable-next-line no-control-regex -- they are what must not get into a log
const ESCAPED = /[\0-\x1f"\\\x7f-\x9f\u2028\u2029]/g
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Latin1 in and out, one character per byte. */
export function escapedText(value: string): string {
  return escaped(value, textEscape)
}

/** What stands between the quotes of a JSON string. */
export function escapedJson(value: string): string {
  return escaped(value, jsonEscape)
}

/** From the text of a configuration. */
export function toBytes(text: string): string {
  return DELICATE.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text
}

function escaped(value: string, escape: (character: string) => string): string {
  const readable = decoded(value)
  return readable === undefined
    ? value.replaceAll(EACH_DELICATE, escape)
    : toBytes(readable.replaceAll(ESCAPED, escape))
}

function decoded(value: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(value, 'latin1'))
  } catch {
    // Not UTF-8: each byte is told by its number.
    return undefined
  }
}

function textEscape(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`
  const code = character.charCodeAt(0)
  return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`
}

function jsonEscape(character: string): string {
  return character === '"' || character === '\\' ? `\\${character}` : `\\u${hex(character.charCodeAt(0), 4)}`
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}

/** Bytes as the text that they are, or that each byte is by itself. */
export function toUnicode(bytes: string): string {
  return DELICATE.test(bytes) ? (decoded(bytes) ?? bytes) : bytes
}
