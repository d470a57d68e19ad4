/** Upstreams of Gloo: the destinations that routes name, and the subsets they come in. */
import { formatDiagnostic } from '../../../base/diagnostic.ts'
import type { ResourceType } from '../../../kube/object.ts'
import { ageColumn } from '../../../kinds/age.ts'
import { shortList } from '../../../kinds/cells.ts'
import { upstreamErrors } from './check-upstream.ts'
import { programmedCell, stateCell } from './shared.ts'
import { unsupportedInUpstream } from './unsupported-upstream.ts'
import type { Upstream } from './upstream-schema.ts'
import { upstreamSchema } from './upstream-schema.ts'
import type { Kind } from '../../../kinds/kind.ts'

export type { KubeUpstream, SslConfig, StaticUpstream, SubsetSpec, Upstream, UpstreamSpec } from './upstream-schema.ts'
export type { GlooStatus } from './shared.ts'
export { GLOO_STATE } from './shared.ts'
export { fallbackPolicy } from './fallback.ts'
export { usesTls } from './upstream-tls.ts'
export { unsupportedInUpstream, upstreamErrors }

export const upstreams: ResourceType<Upstream> = {
  group: 'gloo.solo.io',
  version: 'v1',
  kind: 'Upstream',
  plural: 'upstreams',
  namespaced: true,
}

const HOSTS_SHOWN = 2

export const upstreamKind: Kind<Upstream> = {
  type: upstreams,
  singular: 'upstream',
  shortNames: ['us', 'gus'],
  categories: ['gloo-gateway'],
  schema: upstreamSchema,
  hasStatus: true,
  validate: upstreamErrors,
  warnings: (object) => unsupportedInUpstream(object).map(formatDiagnostic),
  columns: [
    { name: 'Type', type: 'string', priority: 0, cell: typeOf },
    { name: 'Target', type: 'string', priority: 0, cell: target },
    { name: 'State', type: 'string', priority: 0, cell: stateCell },
    { name: 'Programmed', type: 'string', priority: 0, cell: programmedCell },
    { name: 'Reason', type: 'string', priority: 1, cell: ({ status }) => status?.reason ?? '' },
    ageColumn,
  ],
  requiresVersionOnUpdate: true,
  strategicPatch: false,
}

function typeOf({ spec = {} }: Upstream): string {
  if (spec.kube !== undefined) return 'Kubernetes'
  return spec.static === undefined ? 'Unknown' : 'Static'
}

function target({ spec = {} }: Upstream): string {
  const { kube } = spec
  if (kube !== undefined) return `${kube.serviceNamespace ?? ''}/${kube.serviceName ?? ''}:${kube.servicePort ?? ''}`
  const hosts = spec.static?.hosts ?? []
  return shortList(
    hosts.map(({ addr = '', port = 0 }) => `${addr}:${port}`),
    HOSTS_SHOWN,
    '',
  )
}
