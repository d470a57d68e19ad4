/** What a pod asks for that a local process cannot have. Said at once and clearly, never silently left out. Pure. */
import type { Container, PodSpec } from './types.ts'

/** Why the container cannot run here; the cure included. */
export function refusal(container: Container): string | undefined {
  if ((container.volumeMounts?.length ?? 0) > 0) {
    return (
      `Cannot run container "${container.name}": volumeMounts are not supported, because a pod is a local process ` +
      'that shares this machine’s files; pass configuration by env or envFrom'
    )
  }
  const probes = {
    livenessProbe: container.livenessProbe,
    readinessProbe: container.readinessProbe,
    startupProbe: container.startupProbe,
  }
  const grpc = Object.entries(probes).find(([, probe]) => probe?.grpc !== undefined)
  if (grpc !== undefined) {
    return `Cannot run container "${container.name}": a grpc ${grpc[0]} is not supported; use httpGet, tcpSocket or exec`
  }
  return undefined
}

/** What is accepted but has no effect on a local process: told once per pod. */
export function withoutEffect(spec: PodSpec): readonly string[] {
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  const hasLimits = containers.some(({ resources }) => Object.keys(resources?.limits ?? {}).length > 0)
  const hasSecurity = containers.some(({ securityContext }) => Object.keys(securityContext ?? {}).length > 0)
  return [
    ...(hasLimits ? ['resources.limits'] : []),
    ...(hasSecurity || Object.keys(spec.securityContext ?? {}).length > 0 ? ['securityContext'] : []),
    ...(containers.some(({ ports }) => ports?.some(({ hostPort }) => (hostPort ?? 0) > 0)) ? ['ports.hostPort'] : []),
    ...(spec.affinity === undefined ? [] : ['affinity']),
    ...(spec.hostNetwork === true ? ['hostNetwork'] : []),
    ...((spec.hostAliases?.length ?? 0) > 0 ? ['hostAliases'] : []),
    ...((spec.ephemeralContainers?.length ?? 0) > 0 ? ['ephemeralContainers'] : []),
  ]
}
