/** Endpoints: the older form of a Service's backends, deprecated upstream since 1.33 in favour of EndpointSlice. */
import type { KubeObject, ResourceType } from '../kube/object.ts'
import { ipFamilyOf } from '../kube/names.ts'
import { ageColumn } from './age.ts'
import { shortList } from './cells.ts'
import { checkPort, invalid } from './field-errors.ts'
import type { FieldError, Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { core } from './published.ts'
import { objectReference } from './references.ts'
import type { Infer } from './schema.ts'
import { array, explicit, int32, oneOf, optional, required, string } from './schema.ts'

const endpointAddress = core(
  'EndpointAddress',
  {
    ip: required(string, 1),
    hostname: optional(string, 3),
    nodeName: explicit(string, 4),
    targetRef: optional(objectReference, 2),
  },
  { atomic: true },
)

const endpointPort = core(
  'EndpointPort',
  {
    name: optional(string, 1),
    port: required(int32, 2),
    protocol: optional(oneOf('TCP', 'UDP', 'SCTP'), 3),
    appProtocol: explicit(string, 4),
  },
  { atomic: true },
)

const endpointSubset = core('EndpointSubset', {
  addresses: optional(array(endpointAddress), 1),
  notReadyAddresses: optional(array(endpointAddress), 2),
  ports: optional(array(endpointPort), 3),
})

const endpoints = core('Endpoints', {
  ...typeMeta,
  metadata: optional(objectMeta, 1),
  subsets: optional(array(endpointSubset), 2),
})

export type EndpointSubset = Infer<typeof endpointSubset>

export interface Endpoints extends KubeObject {
  readonly subsets?: readonly EndpointSubset[]
}

/** Not named `endpoints`: that word means a cluster's endpoints everywhere else. */
export const endpointsResource: ResourceType<Endpoints> = {
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  namespaced: true,
}

const ADDRESSES_SHOWN = 3

export const endpointsKind: Kind<Endpoints> = {
  type: endpointsResource,
  singular: 'endpoints',
  shortNames: ['ep'],
  categories: [],
  schema: endpoints,
  hasStatus: false,
  defaults: defaultEndpoints,
  validate: validateEndpoints,
  warnings: () => ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'],
  columns: [{ name: 'Endpoints', type: 'string', priority: 0, cell: addressList }, ageColumn],
  strategicPatch: true,
}

function defaultEndpoints(object: Endpoints): Endpoints {
  if (object.subsets === undefined) return object
  const subsets = object.subsets.map((subset) =>
    subset.ports === undefined
      ? subset
      : { ...subset, ports: subset.ports.map((port) => ({ ...port, protocol: port.protocol ?? ('TCP' as const) })) },
  )
  return { ...object, subsets }
}

function addressList({ subsets = [] }: Endpoints): string {
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map((address) => address.ip)
      : ports.flatMap((port) => addresses.map((address) => `${address.ip}:${port.port}`)),
  )
  return shortList(all, ADDRESSES_SHOWN)
}

function validateEndpoints({ subsets = [] }: Endpoints): readonly FieldError[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }, at) => [
    ...addresses.flatMap(({ ip }, one) => validateAddress(`subsets[${at}].addresses[${one}].ip`, ip)),
    ...notReadyAddresses.flatMap(({ ip }, one) => validateAddress(`subsets[${at}].notReadyAddresses[${one}].ip`, ip)),
    ...ports.flatMap(({ port }, one) => checkPort(`subsets[${at}].ports[${one}].port`, port)),
  ])
}

function validateAddress(field: string, ip: string): readonly FieldError[] {
  return ipFamilyOf(ip) === undefined ? [invalid(field, ip, 'must be a valid IP address')] : []
}
