/** VirtualServices of Gloo: hosts, their routes, and where each route's requests go. */
import { formatDiagnostic } from '../../../base/diagnostic.ts'
import type { ResourceType } from '../../../kube/object.ts'
import { ageColumn } from '../../../kinds/age.ts'
import { shortList } from '../../../kinds/cells.ts'
import { programmedCell, stateCell } from './shared.ts'
import { unsupportedInVirtualService } from './unsupported.ts'
import { virtualServiceErrors } from './check-virtual-service.ts'
import type { VirtualService } from './virtual-service-schema.ts'
import { virtualServiceSchema } from './virtual-service-schema.ts'
import type { Kind } from '../../../kinds/kind.ts'

export type {
  Destination,
  HeaderMatcher,
  Matcher,
  QueryParameterMatcher,
  RedirectAction,
  Route,
  RouteOptions,
  VirtualHostOptions,
  VirtualService,
  VirtualServiceSpec,
  WeightedDestination,
} from './virtual-service-schema.ts'
export type { Cors, Faults, HashPolicy, HeaderManipulation, Retries, Shadowing } from './options-schema.ts'
export {
  headerText,
  maxAgeSeconds,
  mergeStrategy,
  retryConditions,
  shareOfPercentage,
  textList,
  usedHashPolicy,
} from './option-values.ts'
export { redirectStatus } from './redirect.ts'
export { unsupportedInVirtualService, virtualServiceErrors }

export const virtualServices: ResourceType<VirtualService> = {
  group: 'gateway.solo.io',
  version: 'v1',
  kind: 'VirtualService',
  plural: 'virtualservices',
  namespaced: true,
}

const DOMAINS_SHOWN = 3

export const virtualServiceKind: Kind<VirtualService> = {
  type: virtualServices,
  singular: 'virtualservice',
  shortNames: ['vs', 'gvs'],
  categories: ['gloo-gateway'],
  schema: virtualServiceSchema,
  hasStatus: true,
  validate: virtualServiceErrors,
  warnings: (object) => unsupportedInVirtualService(object).map(formatDiagnostic),
  columns: [
    { name: 'Display Name', type: 'string', priority: 0, cell: ({ spec }) => spec?.displayName ?? '' },
    { name: 'Domains', type: 'string', priority: 0, cell: domains },
    { name: 'State', type: 'string', priority: 0, cell: stateCell },
    { name: 'Programmed', type: 'string', priority: 0, cell: programmedCell },
    { name: 'Routes', type: 'string', priority: 1, cell: ({ spec }) => spec?.virtualHost?.routes?.length ?? 0 },
    { name: 'Reason', type: 'string', priority: 1, cell: ({ status }) => status?.reason ?? '' },
    ageColumn,
  ],
  requiresVersionOnUpdate: true,
  strategicPatch: false,
}

function domains({ spec }: VirtualService): string {
  return shortList(spec?.virtualHost?.domains ?? [], DOMAINS_SHOWN, '*')
}
