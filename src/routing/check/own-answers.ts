/** Whether what the data plane answers by itself, redirects and direct responses, can be an answer of HTTP. */
import type { Action, Route } from '../route-model.ts'

import { checkField } from './policy.ts'
import { when } from './problem.ts'
import type { Problem } from './problem.ts'

/** A name, an address, or one of IPv6 in brackets; with a port or without. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[!$&-.0-9;=A-Z_a-z~]+)(?::[0-9]{1,5})?$/
/** Visible ASCII: others are percent-encoded in a URL. */
const WHOLE_PATH = /^[!-~]*$/
const PREFIX = /^[!"$->@-~]*$/

export function checkOwnAnswer({ id, action }: Route, path: string): Problem[] {
  const at = `${path}.action`
  if (action.kind === 'redirect') return checkRedirect(id, action, at)
  if (action.kind !== 'respond') return []
  // Unlike in responses of endpoints, it is ours to say.
  const own = action.headers.filter(({ name }) => name.toLowerCase() !== 'proxy-authenticate')
  return own.flatMap((field) => checkField(id, field, `${at}.headers[${action.headers.indexOf(field)}]`))
}

function checkRedirect(id: string, action: Extract<Action, { kind: 'redirect' }>, at: string): Problem[] {
  const { host, port, path } = action
  const isTwice = host !== undefined && port !== undefined && /:[0-9]+$/.test(host)
  const allowed = path?.kind === 'full' ? WHOLE_PATH : PREFIX
  const cannot = `Cannot redirect route "${id}" to`
  return [
    ...when(host !== undefined && !HOST.test(host), {
      code: 'bad-text',
      path: `${at}.host`,
      message: `${cannot} host ${JSON.stringify(host)}: it is no name or address, with a port or without`,
    }),
    ...when(isTwice, {
      code: 'bad-text',
      path: `${at}.port`,
      message: `${cannot} port ${port}: host ${JSON.stringify(host)} has one already`,
    }),
    ...when(path !== undefined && !allowed.test(path.value), {
      code: 'bad-text',
      path: `${at}.path.value`,
      message: `${cannot} path ${JSON.stringify(path?.value)}: it has characters that cannot stand there. Percent-encode them`,
    }),
  ]
}
