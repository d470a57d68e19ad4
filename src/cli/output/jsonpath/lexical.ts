/** Characters and quoted texts of JSONPath templates. */
import { JsonPathError } from './error.ts'

export function isAlphanumeric(character: string): boolean {
  return /^[_\p{L}\p{Nd}]$/u.test(character)
}

/** True where a name ends; also at the end of the text. */
export function isTerminator(character: string): boolean {
  return character === '' || ' \t\r\n.,[]$@{}'.includes(character)
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}

/** The content of a text in quotes, with Go's escapes. */
export function unquote(quoted: string): string {
  const quote = quoted.charAt(0)
  const inner = quoted.slice(1, -1)
  return inner.replaceAll(/\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|([^]?))/g, (...match) => {
    const [, byte, short, long, octal, single = ''] = match as (string | undefined)[]
    const hex = byte ?? short ?? long
    const code = hex === undefined ? Number.parseInt(octal ?? '', 8) : Number.parseInt(hex, 16)
    const text = single === quote ? quote : ESCAPES[single]
    if (Number.isNaN(code) && text === undefined) throw invalidSyntax(quoted)
    return Number.isNaN(code) ? (text ?? '') : characterOf(code, quoted)
  })
}

const CODE_POINT_MAX = 0x10_ffff

function characterOf(code: number, quoted: string): string {
  if (code > CODE_POINT_MAX) throw invalidSyntax(quoted)
  return String.fromCodePoint(code)
}

function invalidSyntax(quoted: string): JsonPathError {
  return new JsonPathError(`unquote string ${quoted} error invalid syntax`)
}
