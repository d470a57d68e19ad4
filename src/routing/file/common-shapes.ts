/** Shapes that several parts of the routing model use. */
import type { Locality, WorkloadIdentity } from '../cluster-model.ts'
import type { ValueMatch } from '../match-model.ts'
import type { HashKey, Origin, ResponseFlag } from '../route-model.ts'

import * as s from './shape.ts'
import type { At } from './shape.ts'

export const PORT_MAX = 65_535
/** Of requests and connections; what is not limited has this. */
export const COUNT_MAX = 2_147_483_647
export const WEIGHT_MAX = 1_000_000
/** The longest delay of a timer. */
export const DURATION_MS_MAX = 2_147_483_647
export const CONNECT_TIMEOUT_MS = 5_000
export const TIMEOUT_MS = 15_000
export const FLAGS: readonly ResponseFlag[] = [
  'NR',
  'NC',
  'UH',
  'UF',
  'UC',
  'UT',
  'UPE',
  'UR',
  'UO',
  'DC',
  'DPE',
  'URX',
  'DI',
  'FI',
]

export const name = s.text({ pattern: /./, what: 'a name' })
export const durationMs = s.integer({ min: 0, max: DURATION_MS_MAX })
export const backoffMs = s.integer({ min: 1, max: DURATION_MS_MAX })
export const port = s.integer({ min: 1, max: PORT_MAX })
export const weight = s.integer({ min: 0, max: WEIGHT_MAX })
export const count = s.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
export const status = s.integer({ min: 200, max: 599 })
export const threshold = s.integer({ min: 1, max: COUNT_MAX })
export const delayMs = s.integer({ min: 1, max: DURATION_MS_MAX })
export const limit = s.integer({ min: 0, max: COUNT_MAX })
export const lowerCase = s.refined(name, (value) => value.toLowerCase())
export const upperCase = s.refined(name, (value) => value.toUpperCase())

const comparedWith = s.required(s.text(), 'The text to compare with')

export const valueMatch = s.orText<ValueMatch>(
  s.variants<ValueMatch>({
    exact: { value: comparedWith },
    prefix: { value: comparedWith },
    suffix: { value: comparedWith },
    regex: { value: s.required(s.text(), 'RE2, matches the whole value') },
    present: {},
  }),
  { read: (text) => ({ kind: 'exact', value: text }), what: 'a text: the value must be equal to it' },
)

export const hashKey = s.variants<HashKey>({
  header: { name: s.required(lowerCase, 'Name of the header') },
  query: { name: s.required(name, 'Name of the query parameter') },
  cookie: {
    name: s.required(name, 'Name of the cookie; it is set where it is absent'),
    ttlSeconds: s.byDefault(count, 0, 'How long a client keeps it; 0: for the session'),
    path: s.byDefault(s.text(), '/', 'Path for which clients send it'),
  },
  'source-address': {},
})

export const origin = s.object<Origin>({
  group: s.byDefault(s.text(), '', 'API group of the object that the route comes from'),
  kind: s.byDefault(name, 'RoutingFile', 'Its kind'),
  namespace: s.byDefault(s.text(), '', 'Its namespace'),
  name: s.byDefault(s.text(), '', 'Its name'),
  generation: s.byDefault(count, 0, 'Its generation'),
  rule: s.byDefault(count, 0, 'Index of the rule in it'),
  match: s.byDefault(count, 0, 'Index of the match in the rule'),
})

export const workload = s.object<WorkloadIdentity>({
  namespace: s.byDefault(s.text(), 'default', 'Namespace of the workload'),
  name: s.required(name, 'Name of the workload'),
  version: s.byDefault(s.text(), '', 'Its version'),
  app: s.optional(name, 'What its versions have in common; default: unknown'),
  pod: s.byDefault(s.text(), '', 'The instance'),
})

export const locality = s.object<Locality>({
  region: s.required(name, 'Region'),
  zone: s.byDefault(s.text(), '', 'Zone of the region; empty: unknown'),
  subzone: s.byDefault(s.text(), '', 'Part of the zone; empty: unknown'),
})

export const pem = s.text({ pattern: /-----BEGIN /, what: 'PEM' })

/** The object that the field stands in, by its place. */
export function ownName({ parent }: At): string {
  return parent === undefined ? '' : s.placeName(parent)
}

/** The index, in its list, of the object that the field stands in. */
export function indexOf({ parent }: At): number {
  return Number(parent?.path.at(-1))
}

export function ownOrigin(at: At): Origin {
  return {
    group: '',
    kind: 'RoutingFile',
    namespace: '',
    name: ownName(at),
    generation: 0,
    rule: indexOf(at),
    match: 0,
  }
}

export function textIn(at: At | undefined, field: string): string | undefined {
  const value: unknown = typeof at?.value === 'object' && at.value !== null ? Reflect.get(at.value, field) : undefined
  return typeof value === 'string' ? value : undefined
}
