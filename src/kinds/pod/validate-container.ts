/** Rules of a container. */
import { parseQuantity } from '../../kube/quantity.ts'
import { dnsLabelErrors, portNameErrors } from '../../kube/names.ts'
import {
  checkDistinct,
  checkFormat,
  checkName,
  checkPort,
  forbidden,
  invalid,
  notFound,
  required,
} from '../field-errors.ts'
import type { FieldError } from '../kind.ts'
import type { Container, ContainerPort } from './types.ts'
import { validateEnv, validateEnvFrom } from './validate-env.ts'
import { validateLifecycle, validateProbe } from './validate-probe.ts'

export interface ContainerPlace {
  /** Names of the pod's volumes. */
  readonly volumes: ReadonlySet<string>
  readonly isInit: boolean
}

export function validateContainer(path: string, container: Container, place: ContainerPlace): readonly FieldError[] {
  return [
    ...checkName(`${path}.name`, container.name, dnsLabelErrors),
    ...validateImage(`${path}.image`, container.image ?? ''),
    ...validatePorts(`${path}.ports`, container.ports),
    ...validateEnv(`${path}.env`, container.env),
    ...validateEnvFrom(`${path}.envFrom`, container.envFrom),
    ...validateMounts(`${path}.volumeMounts`, container.volumeMounts, place.volumes),
    ...validateResources(`${path}.resources`, container.resources),
    ...validateProbes(path, container, place.isInit),
  ]
}

function validateImage(field: string, image: string): readonly FieldError[] {
  if (image === '') return [required(field)]
  return image === image.trim() ? [] : [invalid(field, image, 'must not have leading or trailing whitespace')]
}

function validatePorts(path: string, ports: readonly ContainerPort[] = []): readonly FieldError[] {
  const names = ports.flatMap(({ name = '' }, at) =>
    name === '' ? [] : [{ field: `${path}[${at}].name`, value: name }],
  )
  return [
    ...names.flatMap(({ field, value }) => checkFormat(field, value, portNameErrors)),
    ...checkDistinct(names),
    ...ports.flatMap(({ containerPort, hostPort = 0 }, at) => [
      ...(containerPort === 0
        ? [required(`${path}[${at}].containerPort`)]
        : checkPort(`${path}[${at}].containerPort`, containerPort)),
      ...(hostPort === 0 ? [] : checkPort(`${path}[${at}].hostPort`, hostPort)),
    ]),
  ]
}

function validateMounts(
  path: string,
  mounts: Container['volumeMounts'] = [],
  volumes: ReadonlySet<string>,
): readonly FieldError[] {
  return [
    ...mounts.flatMap(({ name, mountPath, subPath = '', subPathExpr = '' }, at) => [
      ...(volumes.has(name) ? [] : [notFound(`${path}[${at}].name`, name)]),
      ...(mountPath === '' ? [required(`${path}[${at}].mountPath`)] : []),
      ...(isBackstep(subPath) ? [invalid(`${path}[${at}].subPath`, subPath, "must not contain '..'")] : []),
      ...(subPath !== '' && subPathExpr !== ''
        ? [invalid(`${path}[${at}].subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive')]
        : []),
    ]),
    ...mounts.flatMap(({ mountPath }, at) =>
      mounts.findIndex((one) => one.mountPath === mountPath) < at
        ? [invalid(`${path}[${at}].mountPath`, mountPath, 'must be unique')]
        : [],
    ),
  ]
}

function isBackstep(path: string): boolean {
  return path.split('/').includes('..')
}

function validateResources(path: string, resources: Container['resources'] = {}): readonly FieldError[] {
  const { limits = {}, requests = {} } = resources
  return [
    ...negative(`${path}.limits`, limits),
    ...negative(`${path}.requests`, requests),
    ...Object.entries(requests).flatMap(([name, request]) => {
      const limit = limits[name]
      const isOver = limit !== undefined && (parseQuantity(request) ?? 0) > (parseQuantity(limit) ?? Infinity)
      return isOver
        ? [invalid(`${path}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`)]
        : []
    }),
  ]
}

function negative(path: string, amounts: Readonly<Record<string, string>>): readonly FieldError[] {
  return Object.entries(amounts).flatMap(([name, amount]) =>
    (parseQuantity(amount) ?? 0) < 0 ? [invalid(`${path}[${name}]`, amount, 'must be greater than or equal to 0')] : [],
  )
}

/** Init containers run to their end, so nothing can be asked of them - unless they are sidecars. */
function validateProbes(path: string, container: Container, isInit: boolean): readonly FieldError[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle, restartPolicy } = container
  if (isInit && restartPolicy !== 'Always') {
    const asked = Object.entries({ livenessProbe, readinessProbe, startupProbe, lifecycle })
    return asked.flatMap(([name, value]) =>
      value === undefined
        ? []
        : [forbidden(`${path}.${name}`, 'may not be set for init containers without restartPolicy=Always')],
    )
  }
  return [
    ...validateProbe(`${path}.livenessProbe`, livenessProbe, { successesMax: 1 }),
    ...validateProbe(`${path}.readinessProbe`, readinessProbe, { successesMax: Infinity }),
    ...validateProbe(`${path}.startupProbe`, startupProbe, { successesMax: 1 }),
    ...validateLifecycle(`${path}.lifecycle`, lifecycle),
  ]
}
