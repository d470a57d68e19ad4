/** An Upstream, resolved: which endpoints stand behind it now, and which subsets it has. */
import { assertNever } from '../../../base/assert.ts'
import type { Diagnostic } from '../../../base/diagnostic.ts'
import type { KubeUpstream, StaticUpstream, SubsetSpec, UpstreamSpec } from '../kinds/upstream.ts'
import type { Service, ServicePort } from '../../../kinds/service.ts'
import { objectKey } from '../../../kube/object.ts'
import type { ObjectKey } from '../../../kube/object.ts'
import { matchesLabels } from '../../../kube/selector.ts'
import type { Cluster, Endpoint } from '../../../routing/cluster-model.ts'
import type { Backend, Backends } from '../../backends.ts'
import { clusterSettings } from './cluster-settings.ts'
import type { ClusterSettings } from './cluster-settings.ts'
import { durationMs } from './duration.ts'
import { errorAt, warningAt } from './findings.ts'
import type { TlsSecrets } from '../../tls-secrets.ts'
import { compileTls } from './tls.ts'

/** Gloo's default. */
const CONNECT_TIMEOUT_MS = 5_000

export interface ResolvedUpstream {
  /** Name of the cluster of all its endpoints. */
  readonly cluster: string
  /** For messages: `Upstream "gloo-system/echo"`. */
  readonly title: string
  readonly service: Cluster['service']
  readonly endpoints: EndpointSource
  readonly subsetSpec?: SubsetSpec
  readonly connectTimeoutMs: number
  readonly settings: ClusterSettings
  /** Host names of static hosts, for `autoHostRewrite`. */
  readonly hostNames: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
  /** Errors with which it must not be served at all. */
  readonly problems: readonly Diagnostic[]
}

/** Where the endpoints come from. */
export type EndpointSource =
  | { readonly kind: 'static'; readonly endpoints: readonly Endpoint[] }
  | {
      readonly kind: 'service'
      readonly key: ObjectKey
      readonly port: ServicePort
      /** Labels that a pod must have. */
      readonly selector: Readonly<Record<string, string>>
    }
  /** There is no such Service, or it has no such port. */
  | { readonly kind: 'none' }

/** What Upstreams are resolved against. */
export interface Surroundings {
  readonly backends: Backends
  readonly tlsSecrets: TlsSecrets
}

interface Identity {
  readonly namespace: string
  readonly name: string
  readonly cluster: string
}

/** All but the endpoints, which `backendsBehind` finds: they come and go while the Upstream stays as it is. */
export function resolveUpstream(around: Surroundings, identity: Identity, spec: UpstreamSpec): ResolvedUpstream {
  const connectTimeoutMs = durationMs(spec.connectionConfig?.connectTimeout, CONNECT_TIMEOUT_MS)
  const { cluster } = identity
  const parts =
    spec.kube === undefined ? resolveStatic(identity, spec.static ?? {}) : resolveKube(around.backends, spec.kube)
  const title = `Upstream "${identity.namespace}/${identity.name}"`
  const { tls, diagnostics: ofTls } = compileTls(around.tlsSecrets, identity.namespace, spec)
  return {
    cluster,
    title,
    connectTimeoutMs,
    settings: { ...clusterSettings(spec), ...(tls === undefined ? {} : { tls }) },
    ...parts,
    diagnostics: [...parts.diagnostics, ...ofTls.filter(({ severity }) => severity === 'warning')],
    problems: ofTls.filter(({ severity }) => severity === 'error'),
  }
}

/** A Service as a destination of its own, without an Upstream; undefined where there is no such Service or port. */
export function resolveService(backends: Backends, key: ObjectKey, port: number): ResolvedUpstream | undefined {
  const service = backends.service(key)
  const found = service?.spec.ports?.find((candidate) => candidate.port === port)
  if (service === undefined || found === undefined) return undefined
  const { namespace = '', name = '' } = service.metadata
  return {
    cluster: `kube-svc:${namespace}/${name}:${port}`,
    title: `Service "${namespace}/${name}"`,
    service: { namespace, name, port },
    endpoints: { kind: 'service', key, port: found, selector: {} },
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    settings: {},
    hostNames: [],
    diagnostics: [],
    problems: [],
  }
}

/** Ready now, in the order of addresses. */
export function backendsBehind(backends: Backends, source: EndpointSource): readonly Backend[] {
  switch (source.kind) {
    case 'static':
      return source.endpoints.map((endpoint) => ({ endpoint, labels: {} }))
    case 'service': {
      const selector = { matchLabels: source.selector }
      return backends.ready(source.key, source.port).filter(({ labels }) => matchesLabels(selector, labels))
    }
    case 'none':
      return []
    default:
      return assertNever(source, 'endpoint source')
  }
}

/** What to say about an Upstream without a ready endpoint. */
export function emptinessOf(backends: Backends, source: EndpointSource): readonly Diagnostic[] {
  if (source.kind !== 'service' || backendsBehind(backends, source).length > 0) return []
  const all = backends.ready(source.key, source.port)
  if (all.length === 0) {
    const message = `Service "${source.key}" has no ready endpoint: requests to this Upstream answer 503 until one is ready`
    return [warningAt('spec.kube.serviceName', 'no-endpoints', message)]
  }
  const message = `None of the ${all.length} ready endpoints of Service "${source.key}" has these labels: requests answer 503`
  return [warningAt('spec.kube.selector', 'no-endpoints', message)]
}

type Parts = Omit<ResolvedUpstream, 'cluster' | 'title' | 'connectTimeoutMs' | 'settings' | 'problems'>

function resolveKube(backends: Backends, kube: KubeUpstream): Parts {
  const { serviceNamespace: namespace = '', serviceName: name = '', servicePort = 0, selector = {}, subsetSpec } = kube
  const key = objectKey(namespace, name)
  const service = backends.service(key)
  const { port, diagnostics } = service === undefined ? noService(namespace, name) : findPort(service, servicePort)
  return {
    service: { namespace, name, port: port?.port ?? servicePort },
    endpoints: port === undefined ? { kind: 'none' } : { kind: 'service', key, port, selector },
    hostNames: [],
    diagnostics,
    ...(subsetSpec === undefined ? {} : { subsetSpec }),
  }
}

interface FoundPort {
  readonly port?: ServicePort
  readonly diagnostics: readonly Diagnostic[]
}

function noService(namespace: string, name: string): FoundPort {
  const message = `Cannot find Service "${namespace}/${name}": requests to this Upstream answer 503 until it exists`
  return { diagnostics: [warningAt('spec.kube.serviceName', 'unknown-service', message)] }
}

/** A Service with one port is used whatever number was asked for: so does Gloo. */
function findPort({ metadata, spec }: Service, wanted: number): FoundPort {
  const path = 'spec.kube.servicePort'
  const name = `${metadata.namespace ?? ''}/${metadata.name ?? ''}`
  const ports = spec.ports ?? []
  const exact = ports.find(({ port }) => port === wanted)
  if (exact !== undefined) return { port: exact, diagnostics: [] }
  const [only, second] = ports
  if (only !== undefined && second === undefined) {
    const message = `Port ${wanted} is none of Service "${name}"; its only port ${only.port} is used. Write servicePort: ${only.port}`
    return { port: only, diagnostics: [warningAt(path, 'lenient-port', message)] }
  }
  const known = ports.map(({ port }) => port).join(', ')
  const message = `Cannot use port ${wanted} of Service "${name}": its ports are ${known === '' ? 'none' : known}`
  return { diagnostics: [errorAt(path, 'unknown-port', message)] }
}

function resolveStatic({ namespace, name }: Identity, { hosts = [] }: StaticUpstream): Parts {
  const endpoints = hosts.map(({ addr = '', port = 0, loadBalancingWeight }): Endpoint => ({
    address: addr,
    port,
    ...(loadBalancingWeight === undefined ? {} : { weight: loadBalancingWeight }),
  }))
  return {
    service: { namespace, name, port: endpoints[0]?.port ?? 0 },
    endpoints: { kind: 'static', endpoints },
    hostNames: endpoints.map(({ address }) => address),
    diagnostics: [],
  }
}
