/** One object for people: metadata, what its kind says, conditions and who serves; the events come from the caller. */
import { type Deployment, deployments } from '../../kinds/deployment.ts'
import { endpointSlices, SERVICE_NAME_LABEL } from '../../kinds/endpoint-slice.ts'
import { type Upstream, upstreams, type VirtualService, virtualServices } from '../gloo-objects.ts'
import { type Pod, pods } from '../../kinds/pod.ts'
import { completeRelease, type Release, releases } from '../../kinds/release.ts'
import { type Service, services } from '../../kinds/service.ts'
import { isReason } from '../../kube/api-error.ts'
import { apiVersionOf, type KubeObject, objectKey, type ResourceType } from '../../kube/object.ts'
import type { Session } from '../api/connect.ts'
import { toYaml } from '../output/serialize.ts'
import { type Field, pairsOf, timeText } from './fields.ts'
import { podFields } from './pod.ts'
import { releaseFields, upstreamFields, upstreamsOf, virtualServiceFields } from './routing.ts'
import { deploymentFields, serviceFields } from './workloads.ts'

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

export async function describedFields(
  session: Session,
  object: KubeObject,
  signal: AbortSignal,
): Promise<readonly Field[]> {
  return [...metadataFields(object), ...(await ownFields({ session, signal }, object))]
}

interface Asking {
  readonly session: Session
  readonly signal: AbortSignal
}

function metadataFields({ metadata }: KubeObject): readonly Field[] {
  const { annotations = {}, creationTimestamp, labels, name = '', namespace, deletionTimestamp } = metadata
  const shown = Object.fromEntries(Object.entries(annotations).filter(([key]) => key !== LAST_APPLIED))
  return [
    ['Name', name],
    ...(namespace === undefined ? [] : [['Namespace', namespace] as const]),
    ['CreationTimestamp', timeText(creationTimestamp)],
    ...(deletionTimestamp === undefined ? [] : [['DeletionTimestamp', timeText(deletionTimestamp)] as const]),
    ['Labels', pairsOf(labels, '=')],
    ['Annotations', pairsOf(shown, ': ')],
  ]
}

async function ownFields(asking: Asking, object: KubeObject): Promise<readonly Field[]> {
  if (isOf(pods, object)) return podFields(object as Pod)
  if (isOf(deployments, object)) return deploymentFields(object as Deployment)
  if (isOf(releases, object)) return releaseFields(completeRelease(object as Release))
  if (isOf(services, object)) {
    const { name, namespace } = object.metadata
    return serviceFields(object as Service, await endpointsOf(asking, namespace, name))
  }
  if (isOf(upstreams, object)) return upstreamFields(object, await servedBy(asking, object))
  if (isOf(virtualServices, object)) {
    const route = object as VirtualService
    const served = await Promise.all(upstreamsOf(route).map((name) => upstreamField(asking, name)))
    return virtualServiceFields(route, served)
  }
  return otherFields(object)
}

function isOf(type: ResourceType, { apiVersion, kind }: KubeObject): boolean {
  return type.kind === kind && apiVersionOf(type) === apiVersion
}

/** Kinds without a form of their own: each field as it is. */
function otherFields({
  apiVersion: _version,
  kind: _kind,
  metadata: _metadata,
  ...rest
}: KubeObject): readonly Field[] {
  return Object.entries(rest).map(([name, value]) => {
    const title = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`
    return [title, typeof value === 'string' ? value : toYaml(value).trimEnd().split('\n')]
  })
}

async function upstreamField(asking: Asking, path: string): Promise<Field> {
  const [namespace = '', name = ''] = path.split('/')
  try {
    const upstream = await asking.session.client.get(upstreams, objectKey(namespace, name), asking.signal)
    return [path, await servedBy(asking, upstream)]
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
    return [path, 'there is no such Upstream']
  }
}

async function servedBy(asking: Asking, { spec, metadata }: Upstream): Promise<readonly string[]> {
  const { serviceName, serviceNamespace = metadata.namespace } = spec?.kube ?? {}
  return serviceName === undefined ? [] : endpointsOf(asking, serviceNamespace, serviceName)
}

/** `127.64.0.3:3000 (pod/hello-v1-… ready)`, one for each endpoint of a Service. */
async function endpointsOf({ session, signal }: Asking, namespace = '', service = ''): Promise<readonly string[]> {
  const labelSelector = `${SERVICE_NAME_LABEL}=${service}`
  const { items } = await session.client.list(endpointSlices, { namespace, labelSelector, signal })
  return items.flatMap(({ endpoints, ports = [] }) =>
    endpoints.map(({ addresses, conditions, targetRef }) => {
      const state = conditions?.ready === false ? 'not ready' : 'ready'
      const pod = targetRef?.name === undefined ? '' : `${(targetRef.kind ?? '').toLowerCase()}/${targetRef.name} `
      const at = addresses.flatMap((address) => ports.map(({ port = 0 }) => `${address}:${port}`))
      return `${at.join(', ')} (${pod}${state})`
    }),
  )
}
