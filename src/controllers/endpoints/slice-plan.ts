/**
 * From the endpoints a Service should have and the slices it has to the fewest writes between them: an endpoint stays
 * in its slice, new ones fill slices with room, and a slice that is not touched is not written. Pure.
 */
import { isDeepStrictEqual } from 'node:util'
import { SERVICE_NAME_LABEL, endpointSlices } from '../../kinds/endpoint-slice.ts'
import type { Endpoint, EndpointSlice } from '../../kinds/endpoint-slice.ts'
import { services } from '../../kinds/service.ts'
import type { Service } from '../../kinds/service.ts'
import { apiVersionOf } from '../../kube/object.ts'
import { fnv1a, safeEncode } from '../names.ts'
import { controllerReference } from '../ownership/claim.ts'
import { groupKey } from './backends.ts'
import type { BackendGroup } from './backends.ts'

export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by'
export const MANAGED_BY = 'endpointslice-controller.k8s.io'
const HEADLESS_LABEL = 'service.kubernetes.io/headless'
const ENDPOINTS_PER_SLICE_MAX = 100
/** The service's part of a slice's name leaves room for the suffix. */
const NAME_CHARACTERS_MAX = 240

export interface SlicePlan {
  readonly create: readonly EndpointSlice[]
  readonly update: readonly EndpointSlice[]
  readonly remove: readonly EndpointSlice[]
}

/** `existing` are the slices of this service that we manage. A service without endpoints keeps one empty slice. */
export function planSlices(
  service: Service,
  groups: readonly BackendGroup[],
  existing: readonly EndpointSlice[],
): SlicePlan {
  const wanted = groups.length > 0 ? groups : [emptyGroup(service)]
  const names = new Set(existing.map((slice) => slice.metadata.name ?? ''))
  const plans = wanted.map((group) => planGroup(service, group, { existing: slicesOf(group, existing), names }))
  const keys = new Set(wanted.map(({ addressType, ports }) => groupKey(addressType, ports)))
  const obsolete = existing.filter((slice) => !keys.has(groupKey(slice.addressType, slice.ports ?? [])))
  return {
    create: plans.flatMap(({ create }) => create),
    update: plans.flatMap(({ update }) => update),
    remove: [...plans.flatMap(({ remove }) => remove), ...obsolete],
  }
}

function planGroup(
  service: Service,
  group: BackendGroup,
  { existing, names }: { readonly existing: readonly EndpointSlice[]; readonly names: Set<string> },
): SlicePlan {
  const left = new Map(group.endpoints.map((endpoint) => [identityOf(endpoint), endpoint]))
  const filled = existing.map((slice) => ({ slice, endpoints: keepFrom(slice, left) }))
  const rest = [...left.values()]
  for (const { endpoints } of filled) endpoints.push(...rest.splice(0, ENDPOINTS_PER_SLICE_MAX - endpoints.length))
  const create: EndpointSlice[] = []
  // The first slice is made even for no endpoint: that the Service is known, and has none, is worth telling.
  while (rest.length > 0 || filled.length + create.length === 0) {
    const endpoints = rest.splice(0, ENDPOINTS_PER_SLICE_MAX)
    create.push(makeSlice(service, group, { name: freeName(service, names), endpoints }))
  }
  const kept = filled.filter(({ endpoints }, index) => endpoints.length > 0 || index === lastNeeded(filled))
  return {
    create,
    update: kept.flatMap(({ slice, endpoints }) => changed(slice, makeSlice(service, group, { slice, endpoints }))),
    remove: filled.filter((each) => !kept.includes(each)).map(({ slice }) => slice),
  }
}

/** With no endpoint left at all, the first slice stays, empty. */
function lastNeeded(filled: readonly { readonly endpoints: readonly Endpoint[] }[]): number {
  return filled.every(({ endpoints }) => endpoints.length === 0) ? 0 : -1
}

/** The slice's endpoints that still are wanted, in their present form; takes them out of `left`. */
function keepFrom(slice: EndpointSlice, left: Map<string, Endpoint>): Endpoint[] {
  const kept: Endpoint[] = []
  for (const old of slice.endpoints) {
    const identity = identityOf(old)
    const endpoint = left.get(identity)
    if (endpoint === undefined) continue
    left.delete(identity)
    kept.push(endpoint)
  }
  return kept
}

function makeSlice(
  service: Service,
  { addressType, ports }: BackendGroup,
  content: { readonly slice?: EndpointSlice; readonly name?: string; readonly endpoints: readonly Endpoint[] },
): EndpointSlice {
  const { namespace = '', name = '', labels } = service.metadata
  const isHeadless = service.spec.clusterIP === 'None'
  return {
    apiVersion: apiVersionOf(endpointSlices),
    kind: endpointSlices.kind,
    ...content.slice,
    metadata: {
      ...(content.slice?.metadata ?? { namespace, name: content.name ?? '', generateName: `${name}-` }),
      labels: {
        ...labels,
        ...(isHeadless ? { [HEADLESS_LABEL]: '' } : {}),
        [SERVICE_NAME_LABEL]: name,
        [MANAGED_BY_LABEL]: MANAGED_BY,
      },
      ownerReferences: [controllerReference(service, services)],
    },
    addressType,
    endpoints: content.endpoints,
    ports,
  }
}

function changed(old: EndpointSlice, now: EndpointSlice): readonly EndpointSlice[] {
  const isSame =
    isDeepStrictEqual(old.endpoints, now.endpoints) &&
    isDeepStrictEqual(old.metadata.labels, now.metadata.labels) &&
    isDeepStrictEqual(old.metadata.ownerReferences, now.metadata.ownerReferences)
  return isSame ? [] : [now]
}

function slicesOf(group: BackendGroup, existing: readonly EndpointSlice[]): readonly EndpointSlice[] {
  const key = groupKey(group.addressType, group.ports)
  return existing
    .filter((slice) => groupKey(slice.addressType, slice.ports ?? []) === key)
    .toSorted(
      (a, b) => b.endpoints.length - a.endpoints.length || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1),
    )
}

function emptyGroup({ spec }: Service): BackendGroup {
  return { addressType: spec.ipFamilies?.[0] ?? 'IPv4', ports: [], endpoints: [] }
}

/** The same pod at the same address. */
function identityOf({ addresses, targetRef }: Endpoint): string {
  return `${targetRef?.uid ?? ''} ${addresses[0] ?? ''}`
}

/** Not random: whoever plans again from a cache that lags makes the same name, and is told that it exists. */
function freeName({ metadata }: Service, names: Set<string>): string {
  for (let number = 0; ; number += 1) {
    const suffix = safeEncode(String(fnv1a(`${metadata.uid ?? ''}/${number}`))).slice(0, 5)
    const name = `${(metadata.name ?? '').slice(0, NAME_CHARACTERS_MAX)}-${suffix}`
    if (names.has(name)) continue
    names.add(name)
    return name
  }
}
