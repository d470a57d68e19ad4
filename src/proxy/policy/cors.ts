/** Requests across origins (Fetch standard, "HTTP CORS protocol"): which are allowed, and how a browser is told. */
import { compileOrigins } from '../../routing/origins.ts'
import type { CorsPolicy } from '../../routing/policy-model.ts'
import type { Answer } from './answers.ts'
import type { RequestHead } from '../http1/request-head.ts'

import type { HeadEdit } from './head-edit.ts'

export interface ServingCors {
  readonly allows: (origin: string) => boolean
  /** Without those that `everywhere` has. Null: what the preflight asks about is named. */
  readonly methods: string | null
  readonly headers: string | null
  readonly maxAge: string
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

/** One name, or several. */
const NAMES = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*,[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+)*$/
/** What the answer to a preflight depends on where it names what was asked about. */
const ASKED_ABOUT = 'Access-Control-Request-Method, Access-Control-Request-Headers'

export function prepareCors(policy: CorsPolicy): ServingCors {
  const credentials = policy.allowCredentials ? [['access-control-allow-credentials', 'true'] as const] : []
  const exposed = policy.exposeHeaders.filter((name) => name !== '*' || !policy.allowCredentials)
  const expose = exposed.length === 0 ? '' : `access-control-expose-headers: ${exposed.join(', ')}\r\n`
  return {
    allows: compileOrigins(policy),
    methods: listOf(policy.allowMethods, policy),
    headers: listOf(policy.allowHeaders, policy),
    maxAge: policy.maxAgeSeconds === undefined ? '' : String(policy.maxAgeSeconds),
    everywhere: credentials.map(([name, value]) => `${name}: ${value}\r\n`).join('') + expose,
  }
}

/** The answer to a preflight of an allowed origin, before `corsEdit`; null: the request is none. */
export function preflightAnswer(cors: ServingCors, head: RequestHead): Answer | null {
  if (head.method !== 'OPTIONS') return null
  const origin = head.fields.get('origin')
  if (origin === undefined || head.fields.get('access-control-request-method') === undefined) return null
  if (!cors.allows(origin)) return null
  const { methods, headers, maxAge } = cors
  const fields = [
    ['access-control-allow-methods', methods ?? namesIn(head, 'access-control-request-method')],
    ['access-control-allow-headers', headers ?? namesIn(head, 'access-control-request-headers')],
    ['access-control-max-age', maxAge],
    ['vary', methods === null || headers === null ? ASKED_ABOUT : ''],
  ] as const
  const present = fields.filter(([, value]) => value !== '')
  return { status: 200, flag: '', body: '', headers: present.map(([name, value]) => ({ name, value })) }
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

/** Beside credentials browsers take `*` for a name, not for all (Fetch, "CORS protocol and credentials"). */
function listOf(names: readonly string[], { allowCredentials }: CorsPolicy): string | null {
  return allowCredentials && names.includes('*') ? null : names.join(', ')
}

function namesIn({ fields }: RequestHead, field: string): string {
  const asked = fields.get(field) ?? ''
  return NAMES.test(asked) ? asked : ''
}
