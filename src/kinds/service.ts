/** Services: a name and an address for a set of pods. */
import type { ResourceType } from '../kube/object.ts'
import { formatLabelSelector } from '../kube/selector.ts'
import { ageColumn } from './age.ts'
import type { Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { core } from './published.ts'
import { neededInside, optional } from './schema.ts'
import { serviceAdmission } from './service/admission.ts'
import { defaultService } from './service/defaults.ts'
import { serviceSpec, serviceStatus } from './service/spec.ts'
import type { Service, ServicePort } from './service/types.ts'
import { validateService } from './service/validate.ts'

export type { Service, ServicePort, ServiceSpec } from './service/types.ts'

export const services: ResourceType<Service> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  namespaced: true,
}

const service = core('Service', {
  ...typeMeta,
  metadata: optional(objectMeta, 1),
  spec: neededInside(serviceSpec, 2),
  status: optional(serviceStatus, 3),
})

export const serviceKind: Kind<Service> = {
  type: services,
  singular: 'service',
  shortNames: ['svc'],
  categories: ['all'],
  schema: service,
  hasStatus: true,
  defaults: defaultService,
  validate: validateService,
  warnings: serviceWarnings,
  admission: serviceAdmission,
  columns: [
    { name: 'Type', type: 'string', priority: 0, cell: ({ spec }) => spec.type ?? '' },
    { name: 'Cluster-IP', type: 'string', priority: 0, cell: ({ spec }) => spec.clusterIP ?? '<none>' },
    { name: 'External-IP', type: 'string', priority: 0, cell: externalAddress },
    { name: 'Port(s)', type: 'string', priority: 0, cell: ({ spec }) => portList(spec.ports) },
    ageColumn,
    { name: 'Selector', type: 'string', priority: 1, cell: selector },
  ],
  selectableFields: {
    'spec.clusterIP': ({ spec }) => spec.clusterIP ?? '',
    'spec.type': ({ spec }) => spec.type ?? '',
  },
  strategicPatch: true,
  nameFormat: 'dns-1035-label',
}

/** A node port is kept for the Service, so that manifests and tools find what they expect. */
function serviceWarnings({ spec }: Service): readonly string[] {
  if (spec.type !== 'NodePort') return []
  return ['spec.type: nothing listens on node ports; reach the Service through the gateway']
}

function externalAddress({ spec, status }: Service): string {
  if (spec.type === 'ExternalName') return spec.externalName ?? '<none>'
  const assigned = spec.type === 'LoadBalancer' ? (status?.loadBalancer?.ingress ?? []) : []
  const addresses = [...assigned.map(({ ip, hostname }) => ip ?? hostname ?? ''), ...(spec.externalIPs ?? [])]
  if (addresses.length > 0) return addresses.join(',')
  return spec.type === 'LoadBalancer' ? '<pending>' : '<none>'
}

function portList(ports: readonly ServicePort[] = []): string {
  if (ports.length === 0) return '<none>'
  return ports.map(({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol}`).join(',')
}

function selector({ spec }: Service): string {
  return formatLabelSelector({ matchLabels: spec.selector ?? {} }) || '<none>'
}
