/** What Gloo's kinds share: references, the status block, its column. Source: Gloo's published protos (1.3 and later). */
import type { Condition } from '../../../kube/object.ts'
import { condition } from '../../../kinds/metadata.ts'
import type { AnySchema, Field, Infer } from '../../../kinds/schema.ts'
import { any, int32, map, mergeArray, object, optional, string, int64 } from '../../../kinds/schema.ts'

export const resourceRef = object({
  name: optional(string),
  namespace: optional(string, undefined, { description: "Default: the referring object's namespace." }),
})

/** Gloo's own names of `status.state`, by number. */
const STATE_NAMES = ['Pending', 'Accepted', 'Rejected', 'Warning'] as const

/** The number that Gloo writes into `status.state`. */
export const GLOO_STATE = { pending: 0, accepted: 1, rejected: 2, warning: 3 } as const

export const glooStatus = object({
  state: optional(int32, undefined, {
    description: '0 Pending, 1 Accepted, 2 Rejected, 3 Warning.',
  }),
  reason: optional(string, undefined, { description: 'What is wrong, one finding a line; absent when all is well.' }),
  reportedBy: optional(string),
  subresourceStatuses: optional(map(any)),
  details: optional(any),
  statuses: optional(map(any), undefined, { description: 'Newer Gloo: one status per controller namespace.' }),
  observedGeneration: optional(int64),
  conditions: optional(mergeArray(condition, 'type')),
})

export type GlooStatus = Omit<Infer<typeof glooStatus>, 'conditions'> & { readonly conditions?: readonly Condition[] }

interface WithStatus {
  readonly status?: GlooStatus
}

/** `Accepted`, `Warning`, …; `Pending` until a controller has looked at the object. */
export function stateCell({ status }: WithStatus): string {
  return STATE_NAMES[status?.state ?? GLOO_STATE.pending] ?? 'Unknown'
}

/** `True` once the proxies serve the generation; `-` before anything is known. */
export function programmedCell({ status }: WithStatus): string {
  return status?.conditions?.find(({ type }) => type === 'Programmed')?.status ?? '-'
}

/** Known fields whose inside we do not look into. */
export function opaque<const N extends string>(...names: readonly N[]): Readonly<Record<N, Field<AnySchema, false>>> {
  const field = optional(any, undefined, { description: 'Known from Gloo; Sluice does not act on it.' })
  return Object.fromEntries(names.map((name) => [name, field])) as Record<N, Field<AnySchema, false>>
}
