/**
 * A routing language of the smallest kind: "this host goes to that address". It shows what a language must bring, and is served,
 * reported, conflicted and shifted in tests without anything else knowing it.
 */
import { perObject } from '../../src/dialects/per-object.ts'
import { isSameGeneration, watchOf } from '../../src/dialects/objects.ts'
import { claimantOf, reportOn } from '../../src/dialects/references.ts'
import type { RoutingDialect } from '../../src/dialects/routing-dialect.ts'
import { routingConditions } from '../../src/dialects/status.ts'
import type { RouteShift } from '../../src/dialects/traffic-shift.ts'
import type { Kind } from '../../src/kinds/kind.ts'
import { objectMeta, typeMeta } from '../../src/kinds/metadata.ts'
import { any, array, int32, object, optional, required, string } from '../../src/kinds/schema.ts'
import { conditionsOf } from '../../src/kube/conditions.ts'
import type { KubeObject, ResourceType } from '../../src/kube/object.ts'
import { keyOf } from '../../src/kube/object.ts'
import type { HostClaim, ObjectReport } from '../../src/routing/part.ts'

export interface Signpost extends KubeObject {
  readonly spec: {
    readonly host: string
    readonly port: number
    readonly canaryPort?: number
    readonly canaryWeight?: number
  }
}

export const signposts: ResourceType<Signpost> = {
  group: 'toy.test',
  version: 'v1',
  kind: 'Signpost',
  plural: 'signposts',
  namespaced: true,
}

export const signpostKind: Kind<Signpost> = {
  type: signposts,
  singular: 'signpost',
  shortNames: [],
  categories: [],
  schema: object(
    {
      ...typeMeta,
      metadata: optional(objectMeta),
      spec: required(
        object({
          host: required(string),
          port: required(int32),
          canaryPort: optional(int32),
          canaryWeight: optional(int32),
        }),
      ),
      status: optional(object({ conditions: optional(array(any)) })),
    },
    { name: 'test.toy.v1.Signpost' },
  ),
  hasStatus: true,
  columns: [],
  strategicPatch: false,
}

const watch = watchOf(signposts, isSameGeneration)

/** A host on which the compiler fails, as if by an error of ours. */
export const BROKEN_HOST = 'broken.test'

export const toyShift: RouteShift<Signpost> = {
  type: signposts,
  reads: [],
  observe: ({ spec }) => ({
    kind: 'fit',
    isClaimed: spec.canaryWeight !== undefined,
    form: { kind: 'shift', shift: { canaryWeight: spec.canaryWeight ?? 0, matches: [] } },
    shareMin: spec.canaryWeight ?? 0,
    shareMax: spec.canaryWeight ?? 0,
  }),
  shape: (signpost, _release, _context, form) => ({
    ...signpost,
    spec: { ...signpost.spec, canaryWeight: form.kind === 'promoted' ? 100 : form.shift.canaryWeight },
  }),
  release: (signpost) => signpost,
}

export const toy: RoutingDialect = {
  name: 'toy',
  kinds: [signpostKind],
  routingKinds: [signpostKind],
  watches: [watch],
  namespaces: ['toy'],
  gatewayServices: [],
  open({ objects }) {
    const claims = perObject<Signpost, ToyResult>(
      objects,
      watch,
      (signpost) => ({
        report: { ...reportOn(signpost), diagnostics: [], served: signpost.metadata.generation ?? 1 },
        claim: claimOf(signpost),
      }),
      (report) => ({ report }),
    )
    return {
      compile: () => {
        const all = claims.all()
        const hosts = all.flatMap(({ claim }) => claim ?? [])
        return {
          hosts,
          listeners: [],
          clusters: hosts.map(({ host, record }) => clusterTo(host.name, record)),
          sources: [],
          reports: all.map(({ report }) => report),
        }
      },
    }
  },
  status: (draft, signpost) => ({ conditions: routingConditions(conditionsOf(signpost) ?? [], draft) }),
  shifts: [toyShift],
}

interface ToyResult {
  readonly report: ObjectReport
  readonly claim?: ToyClaim
}

type ToyClaim = HostClaim & { readonly record: Signpost['spec'] }

function claimOf(signpost: Signpost): ToyClaim {
  const { metadata, spec } = signpost
  if (spec.host === BROKEN_HOST) throw new Error('the compiler stumbles')
  const name = `toy:${keyOf(signpost)}`
  const generation = metadata.generation ?? 1
  const origin = { group: 'toy.test', kind: 'Signpost', namespace: metadata.namespace ?? '', name: metadata.name ?? '' }
  return {
    claimants: [claimantOf(signpost, generation, spec)],
    scopes: [{ kind: 'gateway', listener: 'gateway-http' }],
    domainPaths: ['spec.host'],
    record: spec,
    host: {
      name,
      domains: [spec.host],
      routes: [
        {
          id: name,
          origin: { ...origin, generation, rule: 0, match: 0 },
          match: { path: { kind: 'prefix', value: '/', caseSensitive: true }, methods: [], headers: [], query: [] },
          action: { kind: 'forward', split: name, destinations: [{ kind: 'cluster', cluster: name, weight: 1 }] },
          policy: { timeoutMs: 15_000 },
        },
      ],
    },
  }
}

function clusterTo(name: string, { port }: Signpost['spec']) {
  const service = { namespace: 'toy', name, port }
  return { name, service, endpoints: [{ address: '127.0.0.1', port }], connectTimeoutMs: 1_000 }
}
