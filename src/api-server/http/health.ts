/** `/healthz`, `/livez`, `/readyz`. */
import { textReply } from './reply.ts'
import type { Reply } from './reply.ts'

/** The answer; undefined for other paths. `failing` names what is wrong, if anything is. */
export function healthReply(path: string, query: URLSearchParams, failing: string | undefined): Reply | undefined {
  const name = /^\/(healthz|livez|readyz)(?:\/(?:ping|storage))?\/?$/.exec(path)?.[1]
  if (name === undefined) return undefined
  const code = failing === undefined ? 200 : 500
  if (!query.has('verbose') && failing === undefined) return textReply(code, 'ok')
  const storage = failing === undefined ? '[+]storage ok' : `[-]storage failed: ${failing}`
  return textReply(code, `[+]ping ok\n${storage}\n${name} check ${failing === undefined ? 'passed' : 'failed'}\n`)
}
