/** Requests across origins (Fetch standard, "HTTP CORS protocol"): which are allowed, and how a browser is told. */
import { compileOrigins } from '../../routing/origins.ts'
import type { CorsPolicy } from '../../routing/policy-model.ts'
import type { Answer } from './answers.ts'
import type { RequestHead } from '../http1/request-head.ts'

import type { HeadEdit } from './head-edit.ts'

export interface ServingCors {
  readonly allows: (origin: string) => boolean
  /** Without those that `everywhere` has. */
  readonly forPreflight: readonly (readonly [name: string, value: string])[]
  /** Field lines without the origin's. */
  readonly everywhere: string
}

const OWN_FIELDS: ReadonlySet<string> = new Set([
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
])
/** Also for origins that are not allowed: a cache must not give one origin what another one was told. */
const VARY: HeadEdit = { dropped: new Set(), appended: 'vary: Origin\r\n' }

export function prepareCors(policy: CorsPolicy): ServingCors {
  const credentials = policy.allowCredentials ? [['access-control-allow-credentials', 'true'] as const] : []
  const expose =
    policy.exposeHeaders.length === 0 ? '' : `access-control-expose-headers: ${policy.exposeHeaders.join(', ')}\r\n`
  return {
    allows: compileOrigins(policy),
    forPreflight: [
      ...listField('access-control-allow-methods', policy.allowMethods),
      ...listField('access-control-allow-headers', policy.allowHeaders),
      ...(policy.maxAgeSeconds === undefined
        ? []
        : [['access-control-max-age', String(policy.maxAgeSeconds)] as const]),
    ],
    everywhere: credentials.map(([name, value]) => `${name}: ${value}\r\n`).join('') + expose,
  }
}

/** The answer to a preflight of an allowed origin, before `corsEdit`; null: the request is none. */
export function preflightAnswer(cors: ServingCors, head: RequestHead): Answer | null {
  if (head.method !== 'OPTIONS') return null
  const origin = head.fields.get('origin')
  if (origin === undefined || head.fields.get('access-control-request-method') === undefined) return null
  if (!cors.allows(origin)) return null
  const headers = cors.forPreflight.map(([name, value]) => ({ name, value }))
  return { status: 200, flag: '', body: '', headers }
}

/** What every response gets; the endpoint's own words on the matter do not count then. */
export function corsEdit(cors: ServingCors, head: RequestHead): HeadEdit {
  const origin = head.fields.get('origin')
  if (origin === undefined || !cors.allows(origin)) return VARY
  return {
    dropped: OWN_FIELDS,
    appended: `access-control-allow-origin: ${origin}\r\n${cors.everywhere}${VARY.appended}`,
  }
}

function listField(name: string, values: readonly string[]): (readonly [string, string])[] {
  return values.length === 0 ? [] : [[name, values.join(', ')]]
}
