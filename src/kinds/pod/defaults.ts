/** What a pod leaves out; the same for the template of a workload. */
import type { Container, Pod, PodSpec, PodTemplateSpec, Probe } from './types.ts'

export function defaultPod(object: Pod): Pod {
  const spec = defaultPodSpec(object.spec)
  return {
    ...object,
    spec: { ...spec, enableServiceLinks: spec.enableServiceLinks ?? true },
    status: { ...object.status, phase: object.status?.phase ?? 'Pending' },
  }
}

export function defaultPodTemplate(template: PodTemplateSpec): PodTemplateSpec {
  return { ...template, spec: defaultPodSpec(template.spec) }
}

function defaultPodSpec(spec: PodSpec): PodSpec {
  return {
    ...spec,
    containers: spec.containers.map((one) => defaultContainer(one, spec)),
    ...(spec.initContainers === undefined
      ? {}
      : { initContainers: spec.initContainers.map((one) => defaultContainer(one, spec)) }),
    ...(spec.volumes === undefined ? {} : { volumes: spec.volumes.map(defaultVolume) }),
    restartPolicy: spec.restartPolicy ?? 'Always',
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30,
    dnsPolicy: spec.dnsPolicy ?? 'ClusterFirst',
    securityContext: spec.securityContext ?? {},
    schedulerName: spec.schedulerName ?? 'default-scheduler',
    ...accountNames(spec),
  }
}

/** `serviceAccount` is the old name of `serviceAccountName`; both are kept in step. */
function accountNames({ serviceAccountName, serviceAccount }: PodSpec): Partial<PodSpec> {
  const name = serviceAccountName ?? serviceAccount
  return name === undefined ? {} : { serviceAccountName: name, serviceAccount: name }
}

function defaultContainer(container: Container, { hostNetwork = false }: PodSpec): Container {
  return {
    ...container,
    resources: container.resources ?? {},
    terminationMessagePath: container.terminationMessagePath ?? '/dev/termination-log',
    terminationMessagePolicy: container.terminationMessagePolicy ?? 'File',
    imagePullPolicy: container.imagePullPolicy ?? defaultPullPolicy(container.image ?? ''),
    ...(container.ports === undefined ? {} : { ports: container.ports.map((port) => defaultPort(port, hostNetwork)) }),
    ...(container.env === undefined ? {} : { env: container.env.map(defaultEnv) }),
    ...probes(container),
  }
}

/** `Always` for an image that may change under its name: no tag, or `latest`, and no digest. */
function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent'
  const tag = /:([^/:]+)$/.exec(image)?.[1]
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent'
}

type Port = NonNullable<Container['ports']>[number]

function defaultPort(port: Port, isHostNetwork: boolean): Port {
  return {
    ...port,
    protocol: port.protocol ?? 'TCP',
    ...(isHostNetwork ? { hostPort: port.hostPort ?? port.containerPort } : {}),
  }
}

type Env = NonNullable<Container['env']>[number]

function defaultEnv(env: Env): Env {
  const fieldRef = env.valueFrom?.fieldRef
  if (fieldRef === undefined) return env
  return { ...env, valueFrom: { ...env.valueFrom, fieldRef: { ...fieldRef, apiVersion: fieldRef.apiVersion ?? 'v1' } } }
}

function probes({ livenessProbe, readinessProbe, startupProbe, lifecycle }: Container): Partial<Container> {
  return {
    ...(livenessProbe === undefined ? {} : { livenessProbe: defaultProbe(livenessProbe) }),
    ...(readinessProbe === undefined ? {} : { readinessProbe: defaultProbe(readinessProbe) }),
    ...(startupProbe === undefined ? {} : { startupProbe: defaultProbe(startupProbe) }),
    ...(lifecycle === undefined ? {} : { lifecycle: defaultLifecycle(lifecycle) }),
  }
}

function defaultProbe(probe: Probe): Probe {
  return {
    ...probe,
    ...defaultHandler(probe),
    timeoutSeconds: probe.timeoutSeconds ?? 1,
    periodSeconds: probe.periodSeconds ?? 10,
    successThreshold: probe.successThreshold ?? 1,
    failureThreshold: probe.failureThreshold ?? 3,
  }
}

type Handler = Pick<Probe, 'httpGet' | 'grpc'>

function defaultHandler({ httpGet, grpc }: Handler): Handler {
  return {
    ...(httpGet === undefined
      ? {}
      : { httpGet: { ...httpGet, path: httpGet.path ?? '/', scheme: httpGet.scheme ?? 'HTTP' } }),
    ...(grpc === undefined ? {} : { grpc: { ...grpc, service: grpc.service ?? '' } }),
  }
}

type Lifecycle = NonNullable<Container['lifecycle']>

function defaultLifecycle({ postStart, preStop, ...rest }: Lifecycle): Lifecycle {
  return {
    ...rest,
    ...(postStart === undefined ? {} : { postStart: { ...postStart, ...defaultHandler(postStart) } }),
    ...(preStop === undefined ? {} : { preStop: { ...preStop, ...defaultHandler(preStop) } }),
  }
}

type Volume = NonNullable<PodSpec['volumes']>[number]

const FILE_MODE = 0o644
const TOKEN_LIFETIME_S = 3600

function defaultVolume(volume: Volume): Volume {
  const { secret, configMap, downwardAPI, projected, hostPath } = volume
  if (Object.keys(volume).length === 1) return { ...volume, emptyDir: {} }
  return {
    ...volume,
    ...(secret === undefined ? {} : { secret: withMode(secret) }),
    ...(configMap === undefined ? {} : { configMap: withMode(configMap) }),
    ...(downwardAPI === undefined ? {} : { downwardAPI: withMode(downwardAPI) }),
    ...(projected === undefined ? {} : { projected: withTokenLifetimes(withMode(projected)) }),
    ...(hostPath === undefined ? {} : { hostPath: { ...hostPath, type: hostPath.type ?? '' } }),
  }
}

function withMode<T extends { readonly defaultMode?: number }>(source: T): T {
  return { ...source, defaultMode: source.defaultMode ?? FILE_MODE }
}

type Projected = NonNullable<Volume['projected']>

function withTokenLifetimes(projected: Projected): Projected {
  const sources = projected.sources?.map((source) =>
    source.serviceAccountToken === undefined
      ? source
      : { ...source, serviceAccountToken: { expirationSeconds: TOKEN_LIFETIME_S, ...source.serviceAccountToken } },
  )
  return { ...projected, ...(sources === undefined ? {} : { sources }) }
}
