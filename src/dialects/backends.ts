/** From Services to the pods behind them: ready endpoints with the labels and the identity of the pod that serves each. */
import type { EndpointSlice, Endpoint as SliceEndpoint } from '../kinds/endpoint-slice.ts'
import { SERVICE_NAME_LABEL } from '../kinds/endpoint-slice.ts'
import type { Pod } from '../kinds/pod.ts'
import type { Service, ServicePort } from '../kinds/service.ts'
import type { ObjectKey } from '../kube/object.ts'
import { controllerOf, keyOf, objectKey } from '../kube/object.ts'
import type { Endpoint, WorkloadIdentity } from '../routing/cluster-model.ts'
import { byText } from './dialect.ts'

const POD_TEMPLATE_HASH = 'pod-template-hash'
const VERSION_LABELS = ['version', 'app.kubernetes.io/version'] as const
const APP_LABELS = ['app', 'app.kubernetes.io/name'] as const

export interface ServiceObjects {
  readonly services: readonly Service[]
  readonly endpointSlices: readonly EndpointSlice[]
  readonly pods: readonly Pod[]
}

export interface Backends {
  readonly services: ReadonlyMap<ObjectKey, Service>
  /** By key of the Service. */
  readonly slices: ReadonlyMap<ObjectKey, readonly EndpointSlice[]>
  readonly pods: ReadonlyMap<ObjectKey, Pod>
}

/** One ready endpoint, with the labels of its pod; no labels when no pod is known. */
export interface Backend {
  readonly endpoint: Endpoint
  readonly labels: Readonly<Record<string, string>>
}

export function indexBackends({ services, endpointSlices, pods }: ServiceObjects): Backends {
  return {
    services: new Map(services.map((service) => [keyOf(service), service])),
    slices: Map.groupBy(endpointSlices, serviceKeyOf),
    pods: new Map(pods.map((pod) => [keyOf(pod), pod])),
  }
}

/** The ready endpoints of one port of a Service, each address once, in the order of addresses. */
export function readyBackends(index: Backends, service: Service, port: ServicePort): readonly Backend[] {
  const found = new Map<string, Backend>()
  for (const slice of index.slices.get(keyOf(service)) ?? []) {
    for (const backend of backendsOf(index, slice, port)) {
      found.set(`${backend.endpoint.address}:${backend.endpoint.port}`, backend)
    }
  }
  return [...found].toSorted(([a], [b]) => byText(a, b)).map(([, backend]) => backend)
}

/** Whom a request reaches that goes to this pod: the Deployment where there is one, else the owner, else the pod. */
function workloadOf(pod: Pod): WorkloadIdentity {
  const { namespace = '', name = '', labels = {} } = pod.metadata
  const firstOf = (names: readonly string[]) => names.map((label) => labels[label]).find((value) => value !== undefined)
  const app = firstOf(APP_LABELS)
  const identity = { namespace, name: workloadName(pod), version: firstOf(VERSION_LABELS) ?? '', pod: name }
  return app === undefined ? identity : { ...identity, app }
}

/** A ReplicaSet of a Deployment is named `<deployment>-<pod template hash>`. */
function workloadName(pod: Pod): string {
  const owner = controllerOf(pod)
  if (owner === undefined) return pod.metadata.name ?? ''
  const hash = pod.metadata.labels?.[POD_TEMPLATE_HASH]
  const suffix = `-${hash ?? ''}`
  return owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(suffix)
    ? owner.name.slice(0, -suffix.length)
    : owner.name
}

function backendsOf(index: Backends, slice: EndpointSlice, { name = '' }: ServicePort): readonly Backend[] {
  const number = (slice.ports ?? []).find((port) => (port.name ?? '') === name)?.port
  if (number === undefined) return []
  return slice.endpoints.filter(isReady).flatMap((endpoint) => {
    const address = endpoint.addresses[0]
    const pod = podOf(index, slice, endpoint)
    if (address === undefined) return []
    const workload = pod === undefined ? {} : { workload: workloadOf(pod) }
    return [{ endpoint: { address, port: number, ...workload }, labels: pod?.metadata.labels ?? {} }]
  })
}

/** Unknown counts as ready: so says discovery/v1. */
function isReady({ conditions }: SliceEndpoint): boolean {
  return conditions?.ready !== false
}

function podOf(index: Backends, slice: EndpointSlice, { targetRef }: SliceEndpoint): Pod | undefined {
  if (targetRef?.kind !== 'Pod') return undefined
  return index.pods.get(objectKey(targetRef.namespace ?? slice.metadata.namespace, targetRef.name ?? ''))
}

function serviceKeyOf({ metadata }: EndpointSlice): ObjectKey {
  return objectKey(metadata.namespace, metadata.labels?.[SERVICE_NAME_LABEL] ?? '')
}
