/** From Services to the pods behind them: ready endpoints with the labels and the identity of the pod that serves each. */
import { isSameJson } from '../kube/json-value.ts'
import type { Family } from '../base/derivations.ts'
import type { EndpointSlice, Endpoint as SliceEndpoint } from '../kinds/endpoint-slice.ts'
import { SERVICE_NAME_LABEL, endpointSlices } from '../kinds/endpoint-slice.ts'
import { pods } from '../kinds/pod.ts'
import type { Pod } from '../kinds/pod.ts'
import { services } from '../kinds/service.ts'
import type { Service, ServicePort } from '../kinds/service.ts'
import type { ObjectKey } from '../kube/object.ts'
import { controllerOf, objectKey } from '../kube/object.ts'
import type { Endpoint, WorkloadIdentity } from '../routing/cluster-model.ts'
import { byText } from '../routing/object-reference.ts'
import { watchOf } from './objects.ts'
import type { Objects, Watch } from './objects.ts'

const POD_TEMPLATE_HASH = 'pod-template-hash'
const VERSION_LABELS = ['version', 'app.kubernetes.io/version'] as const
const APP_LABELS = ['app', 'app.kubernetes.io/name'] as const

/** One ready endpoint, with the labels of its pod; no labels when no pod is known. */
export interface Backend {
  readonly endpoint: Endpoint
  readonly labels: Readonly<Record<string, string>>
}

const BY_SERVICE = 'service'

const serviceWatch = watchOf<Service>(
  services,
  (a, b) => a.metadata.uid === b.metadata.uid && isSameJson(a.spec, b.spec),
)
const sliceWatch = watchOf<EndpointSlice>(
  endpointSlices,
  (a, b) =>
    isSameJson(a.metadata.labels, b.metadata.labels) &&
    isSameJson(a.ports, b.ports) &&
    isSameJson(a.endpoints, b.endpoints),
  { [BY_SERVICE]: (slice) => [serviceKeyOf(slice)] },
)
/** Of a pod only its labels and its owner count, and the owner never changes. */
const podWatch = watchOf<Pod>(
  pods,
  (a, b) => a.metadata.uid === b.metadata.uid && isSameJson(a.metadata.labels, b.metadata.labels),
)

export const backendWatches: readonly Watch[] = [serviceWatch, sliceWatch, podWatch]

/** Services and what is ready behind them, shared by all languages. */
export class Backends {
  readonly #objects: Objects
  readonly #ready: Family<readonly Backend[]>

  constructor(objects: Objects) {
    this.#objects = objects
    this.#ready = objects.derivations.family((text) => {
      const at = text.indexOf(' ')
      return readyBackends(objects, text.slice(0, at) as ObjectKey, text.slice(at + 1))
    }, isSameJson)
  }

  service(key: ObjectKey): Service | undefined {
    return this.#objects.get(serviceWatch, key)
  }

  /** The ready endpoints of one port of a Service, each address once, in the order of addresses. */
  ready(service: ObjectKey, { name = '' }: ServicePort): readonly Backend[] {
    return this.#ready.get(`${service} ${name}`)
  }
}

function readyBackends(objects: Objects, service: ObjectKey, port: string): readonly Backend[] {
  const found = new Map<string, Backend>()
  for (const slice of objects.by(sliceWatch, BY_SERVICE, service)) {
    for (const backend of backendsOf(objects, slice, port)) {
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

function backendsOf(objects: Objects, slice: EndpointSlice, portName: string): readonly Backend[] {
  const number = (slice.ports ?? []).find((port) => (port.name ?? '') === portName)?.port
  if (number === undefined) return []
  return slice.endpoints.filter(isReady).flatMap((endpoint) => {
    const address = endpoint.addresses[0]
    const pod = podOf(objects, slice, endpoint)
    if (address === undefined) return []
    const workload = pod === undefined ? {} : { workload: workloadOf(pod) }
    return [{ endpoint: { address, port: number, ...workload }, labels: pod?.metadata.labels ?? {} }]
  })
}

/** Unknown counts as ready: so says discovery/v1. */
function isReady({ conditions }: SliceEndpoint): boolean {
  return conditions?.ready !== false
}

function podOf(objects: Objects, slice: EndpointSlice, { targetRef }: SliceEndpoint): Pod | undefined {
  if (targetRef?.kind !== 'Pod') return undefined
  return objects.get(podWatch, objectKey(targetRef.namespace ?? slice.metadata.namespace, targetRef.name ?? ''))
}

function serviceKeyOf({ metadata }: EndpointSlice): ObjectKey {
  return objectKey(metadata.namespace, metadata.labels?.[SERVICE_NAME_LABEL] ?? '')
}
