/** EndpointSlices: where a Service's traffic may go, in slices of bounded size. */
import type { KubeObject, ResourceType } from '../kube/object.ts'
import { ipFamilyOf } from '../kube/names.ts'
import { ageColumn } from './age.ts'
import { shortList } from './cells.ts'
import { checkDistinct, checkImmutable, checkPort, invalid, required as missing, tooMany } from './field-errors.ts'
import type { FieldError, Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { discovery } from './published.ts'
import { objectReference } from './references.ts'
import type { Infer } from './schema.ts'
import { array, boolean, explicit, int32, map, oneOf, optional, ownedArray, required, string } from './schema.ts'

const endpointConditions = discovery('EndpointConditions', {
  ready: explicit(boolean, 1),
  serving: explicit(boolean, 2),
  terminating: explicit(boolean, 3),
})

const forZone = discovery('ForZone', {
  name: required(string, 1),
})

const forNode = discovery('ForNode', {
  name: required(string, 1),
})

const endpointHints = discovery('EndpointHints', {
  forZones: optional(array(forZone), 1),
  forNodes: optional(array(forNode), 2),
})

const endpoint = discovery('Endpoint', {
  addresses: required(ownedArray(string, { kind: 'set' }), 1),
  conditions: optional(endpointConditions, 2),
  hostname: explicit(string, 3),
  targetRef: optional(objectReference, 4),
  deprecatedTopology: optional(map(string), 5),
  nodeName: explicit(string, 6),
  zone: explicit(string, 7),
  hints: optional(endpointHints, 8),
})

const endpointPort = discovery(
  'EndpointPort',
  {
    name: explicit(string, 1),
    protocol: explicit(oneOf('TCP', 'UDP', 'SCTP'), 2),
    port: explicit(int32, 3),
    appProtocol: explicit(string, 4),
  },
  { atomic: true },
)

const endpointSlice = discovery('EndpointSlice', {
  ...typeMeta,
  metadata: optional(objectMeta, 1),
  addressType: required(oneOf('IPv4', 'IPv6', 'FQDN'), 4),
  endpoints: required(array(endpoint), 2),
  ports: optional(array(endpointPort), 3),
})

export type Endpoint = Infer<typeof endpoint>
export type EndpointPort = Infer<typeof endpointPort>

export interface EndpointSlice extends KubeObject {
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN'
  readonly endpoints: readonly Endpoint[]
  readonly ports?: readonly EndpointPort[]
}

/** Label of a slice that names its Service. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'

export const endpointSlices: ResourceType<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
}

const SHOWN = 3

export const endpointSliceKind: Kind<EndpointSlice> = {
  type: endpointSlices,
  singular: 'endpointslice',
  shortNames: [],
  categories: [],
  schema: endpointSlice,
  hasStatus: false,
  defaults: defaultEndpointSlice,
  validate: validateEndpointSlice,
  columns: [
    { name: 'AddressType', type: 'string', priority: 0, cell: (object) => object.addressType },
    { name: 'Ports', type: 'string', priority: 0, cell: portList },
    { name: 'Endpoints', type: 'string', priority: 0, cell: addressList },
    ageColumn,
  ],
  strategicPatch: true,
}

function defaultEndpointSlice(object: EndpointSlice): EndpointSlice {
  if (object.ports === undefined) return object
  const ports = object.ports.map((port) => ({
    ...port,
    name: port.name ?? '',
    protocol: port.protocol ?? ('TCP' as const),
  }))
  return { ...object, ports }
}

function portList({ ports = [] }: EndpointSlice): string {
  return shortList(
    ports.map(({ name, port }) => (port === undefined ? (name ?? '') : String(port))),
    SHOWN,
    '<unset>',
  )
}

function addressList({ endpoints }: EndpointSlice): string {
  return shortList(
    endpoints.flatMap(({ addresses }) => addresses),
    SHOWN,
    '<unset>',
  )
}

const ENDPOINTS_MAX = 1000
const ADDRESSES_MAX = 100
const PORTS_MAX = 100

function validateEndpointSlice(object: EndpointSlice, old: EndpointSlice | undefined): readonly FieldError[] {
  const { addressType, endpoints, ports = [] } = object
  return [
    ...(endpoints.length > ENDPOINTS_MAX ? [tooMany('endpoints', endpoints.length, ENDPOINTS_MAX)] : []),
    ...endpoints.flatMap((one, at) => validateAddresses(`endpoints[${at}].addresses`, one.addresses, addressType)),
    ...(ports.length > PORTS_MAX ? [tooMany('ports', ports.length, PORTS_MAX)] : []),
    ...ports.flatMap(({ port }, at) => (port === undefined ? [] : checkPort(`ports[${at}].port`, port))),
    ...checkDistinct(ports.map(({ name }, at) => ({ field: `ports[${at}].name`, value: name ?? '' }))),
    ...(old === undefined ? [] : checkImmutable('addressType', addressType, old.addressType)),
  ]
}

function validateAddresses(
  path: string,
  addresses: readonly string[],
  addressType: EndpointSlice['addressType'],
): readonly FieldError[] {
  if (addresses.length === 0) return [missing(path, 'must contain at least 1 address')]
  if (addresses.length > ADDRESSES_MAX) return [tooMany(path, addresses.length, ADDRESSES_MAX)]
  if (addressType === 'FQDN') return []
  const family = addressType === 'IPv4' ? 4 : 6
  return addresses.flatMap((address, at) =>
    ipFamilyOf(address) === family
      ? []
      : [invalid(`${path}[${at}]`, address, `must be a valid ${addressType} address`)],
  )
}
