/** Rules of probes and lifecycle hooks. */
import { portNameErrors } from '../../kube/names.ts'
import { checkAtLeast, checkFormat, checkPort, forbidden, invalid, required } from '../field-errors.ts'
import type { FieldError } from '../kind.ts'
import type { Container, Probe } from './types.ts'

/** Only readiness may ask for several successes in a row. */
export function validateProbe(
  path: string,
  probe: Probe | undefined,
  { successesMax }: { readonly successesMax: number },
): readonly FieldError[] {
  if (probe === undefined) return []
  const { successThreshold = 1 } = probe
  return [
    ...validateHandler(path, probe),
    ...checkAtLeast(`${path}.initialDelaySeconds`, probe.initialDelaySeconds, 0),
    ...checkAtLeast(`${path}.timeoutSeconds`, probe.timeoutSeconds, 1),
    ...checkAtLeast(`${path}.periodSeconds`, probe.periodSeconds, 1),
    ...checkAtLeast(`${path}.successThreshold`, successThreshold, 1),
    ...checkAtLeast(`${path}.failureThreshold`, probe.failureThreshold, 1),
    ...checkAtLeast(`${path}.terminationGracePeriodSeconds`, probe.terminationGracePeriodSeconds, 1),
    ...(successThreshold > successesMax
      ? [invalid(`${path}.successThreshold`, successThreshold, `must be ${successesMax}`)]
      : []),
  ]
}

type Lifecycle = NonNullable<Container['lifecycle']>

export function validateLifecycle(path: string, lifecycle: Lifecycle = {}): readonly FieldError[] {
  const { postStart, preStop } = lifecycle
  return [
    ...(postStart === undefined ? [] : validateHandler(`${path}.postStart`, postStart)),
    ...(preStop === undefined ? [] : validateHandler(`${path}.preStop`, preStop)),
  ]
}

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<NonNullable<Lifecycle['preStop']>, 'sleep'>

/** Exactly one way to ask. */
function validateHandler(path: string, handler: Handler): readonly FieldError[] {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler
  const given = Object.entries({ exec, httpGet, tcpSocket, grpc, sleep }).filter(([, value]) => value !== undefined)
  if (given.length === 0) return [required(path, 'must specify a handler type')]
  return [
    ...given.slice(1).map(([name]) => forbidden(`${path}.${name}`, 'may not specify more than 1 handler type')),
    ...(exec !== undefined && (exec.command ?? []).length === 0 ? [required(`${path}.exec.command`)] : []),
    ...(httpGet === undefined ? [] : validateTarget(`${path}.httpGet.port`, httpGet.port)),
    ...(tcpSocket === undefined ? [] : validateTarget(`${path}.tcpSocket.port`, tcpSocket.port)),
    ...(grpc === undefined ? [] : checkPort(`${path}.grpc.port`, grpc.port)),
  ]
}

/** A port by number or by name. */
export function validateTarget(field: string, port: number | string): readonly FieldError[] {
  return typeof port === 'number' ? checkPort(field, port) : checkFormat(field, port, portNameErrors)
}
