/** A secret of this machine in a file of its own, made once. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeDurably } from './durable-file.ts'
import { codeOf, messageOf } from './errors.ts'

/** The characters of a bearer token: RFC 6750 §2.1, `b64token`. */
const TOKEN = /^[\w.~+/-]+=*$/

/**
 * The token in the file, made if there is none. The file has mode 0600. Throws an error that names the file and the cure where it
 * holds something else than a token.
 */
export function ensureToken(path: string): string {
  const known = readToken(path)
  if (known !== '') return known
  const token = randomBytes(32).toString('base64url')
  writeDurably(path, `${token}\n`)
  return token
}

/** Empty where there is none: a start that was cut short may leave an empty file. */
function readToken(path: string): string {
  try {
    const text = readFileSync(path, 'utf8').trim()
    if (text !== '' && !TOKEN.test(text)) throw new Error('it holds what no bearer token holds')
    return text
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return ''
    const cure = 'Put a backup of it in its place, or delete it to have a new one made'
    throw new Error(`Cannot read the token "${path}": ${messageOf(cause)}. ${cure}`, { cause })
  }
}
