/** An Upstream, resolved: which endpoints stand behind it now, and which subsets it has. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import type { KubeUpstream, StaticUpstream, SubsetSpec, UpstreamSpec } from '../../../kinds/gloo-upstream.ts'
import type { Service, ServicePort } from '../../../kinds/service.ts'
import { objectKey } from '../../../kube/object.ts'
import { matchesLabels } from '../../../kube/selector.ts'
import type { Cluster, Endpoint } from '../../../routing/cluster-model.ts'
import type { Backend, Backends } from '../../backends.ts'
import { readyBackends } from '../../backends.ts'
import { clusterSettings } from './cluster-settings.ts'
import type { ClusterSettings } from './cluster-settings.ts'
import { durationMs } from './duration.ts'
import { errorAt, warningAt } from './findings.ts'
import type { TlsSecrets } from './tls-secrets.ts'
import { compileTls } from './tls.ts'

/** Gloo's default. */
const CONNECT_TIMEOUT_MS = 5_000

export interface ResolvedUpstream {
  /** Name of the cluster of all its endpoints. */
  readonly cluster: string
  /** For messages: `Upstream "gloo-system/echo"`. */
  readonly title: string
  readonly service: Cluster['service']
  readonly backends: readonly Backend[]
  readonly subsetSpec?: SubsetSpec
  readonly connectTimeoutMs: number
  readonly settings: ClusterSettings
  /** Host names of static hosts, for `autoHostRewrite`. */
  readonly hostNames: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
  /** Errors with which it must not be served at all. */
  readonly problems: readonly Diagnostic[]
}

/** What Upstreams are resolved against. */
export interface Surroundings extends Backends {
  readonly tlsSecrets: TlsSecrets
}

interface Identity {
  readonly namespace: string
  readonly name: string
  readonly cluster: string
}

export function resolveUpstream(index: Surroundings, identity: Identity, spec: UpstreamSpec): ResolvedUpstream {
  const connectTimeoutMs = durationMs(spec.connectionConfig?.connectTimeout, CONNECT_TIMEOUT_MS)
  const { cluster } = identity
  const parts = spec.kube === undefined ? resolveStatic(identity, spec.static ?? {}) : resolveKube(index, spec.kube)
  const title = `Upstream "${identity.namespace}/${identity.name}"`
  const { tls, diagnostics: ofTls } = compileTls(index.tlsSecrets, identity.namespace, spec)
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
export function resolveService(index: Backends, service: Service, port: number): ResolvedUpstream | undefined {
  const { namespace = '', name = '' } = service.metadata
  const found = service.spec.ports?.find((candidate) => candidate.port === port)
  if (found === undefined) return undefined
  return {
    cluster: `kube-svc:${namespace}/${name}:${port}`,
    title: `Service "${namespace}/${name}"`,
    service: { namespace, name, port },
    backends: readyBackends(index, service, found),
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    settings: {},
    hostNames: [],
    diagnostics: [],
    problems: [],
  }
}

type Parts = Omit<ResolvedUpstream, 'cluster' | 'title' | 'connectTimeoutMs' | 'settings' | 'problems'>

function resolveKube(index: Backends, kube: KubeUpstream): Parts {
  const { serviceNamespace: namespace = '', serviceName: name = '', servicePort = 0, selector, subsetSpec } = kube
  const service = index.services.get(objectKey(namespace, name))
  const found = service === undefined ? noService(namespace, name) : findPort(service, servicePort)
  const all = service === undefined || found.port === undefined ? [] : readyBackends(index, service, found.port)
  const backends = all.filter(({ labels }) => matchesLabels({ matchLabels: selector ?? {} }, labels))
  return {
    service: { namespace, name, port: found.port?.port ?? servicePort },
    backends,
    hostNames: [],
    diagnostics: [...found.diagnostics, ...(found.port === undefined ? [] : emptiness(kube, all, backends))],
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

function emptiness(kube: KubeUpstream, all: readonly Backend[], selected: readonly Backend[]): Diagnostic[] {
  const name = `${kube.serviceNamespace ?? ''}/${kube.serviceName ?? ''}`
  if (selected.length > 0) return []
  if (all.length === 0) {
    const message = `Service "${name}" has no ready endpoint: requests to this Upstream answer 503 until one is ready`
    return [warningAt('spec.kube.serviceName', 'no-endpoints', message)]
  }
  const message = `None of the ${all.length} ready endpoints of Service "${name}" has these labels: requests answer 503`
  return [warningAt('spec.kube.selector', 'no-endpoints', message)]
}

function resolveStatic({ namespace, name }: Identity, { hosts = [] }: StaticUpstream): Parts {
  const endpoints = hosts.map(({ addr = '', port = 0, loadBalancingWeight }): Endpoint => ({
    address: addr,
    port,
    ...(loadBalancingWeight === undefined ? {} : { weight: loadBalancingWeight }),
  }))
  return {
    service: { namespace, name, port: endpoints[0]?.port ?? 0 },
    backends: endpoints.map((endpoint) => ({ endpoint, labels: {} })),
    hostNames: endpoints.map(({ address }) => address),
    diagnostics: [],
  }
}
