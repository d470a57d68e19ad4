/** Publishes where the gateway listens, as Gloo does: Service gloo-system/gateway-proxy, of type LoadBalancer. */
import { isDeepStrictEqual } from 'node:util'
import { services } from '../../kinds/service.ts'
import type { Service } from '../../kinds/service.ts'
import type { KubeClient } from '../../kube/client.ts'
import { objectKey } from '../../kube/object.ts'
import type { BoundListener, DataPlaneState } from '../../routing/data-plane.ts'

const NAMESPACE = 'gloo-system'
const NAME = 'gateway-proxy'
const LABELS = { app: 'gloo', gloo: NAME }

export const GATEWAY_SERVICE = objectKey(NAMESPACE, NAME)

/** Where the listener is open on a connected proxy; undefined while it is nowhere. */
export function boundListener({ proxies }: DataPlaneState, id: string): BoundListener | undefined {
  return proxies
    .filter(({ connected }) => connected)
    .flatMap(({ listeners }) => listeners)
    .find((listener) => listener.id === id && listener.error === undefined && listener.port > 0)
}

/** Creates or corrects it; fields that are not ours to decide (addresses, labels of others) stay. */
export async function publishGateway(
  client: KubeClient,
  existing: Service | undefined,
  { address, port }: BoundListener,
  signal: AbortSignal,
): Promise<void> {
  const spec = { type: 'LoadBalancer', ports: [{ name: 'http', port, targetPort: port, protocol: 'TCP' }] } as const
  const written =
    existing === undefined ? await create(client, spec, signal) : await correct(client, existing, spec, signal)
  const loadBalancer = { ingress: [{ ip: address }] }
  if (
    isDeepStrictEqual(
      written.status?.loadBalancer?.ingress?.map(({ ip }) => ip),
      [address],
    )
  )
    return
  await client.update(
    services,
    { ...written, status: { ...written.status, loadBalancer } },
    { subresource: 'status', signal },
  )
}

type Spec = Pick<Service['spec'], 'type' | 'ports'>

function create(client: KubeClient, spec: Spec, signal: AbortSignal): Promise<Service> {
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: NAMESPACE, name: NAME, labels: LABELS },
    spec: { ...spec, allocateLoadBalancerNodePorts: false },
  }
  return client.create(services, service, { signal })
}

async function correct(client: KubeClient, existing: Service, spec: Spec, signal: AbortSignal): Promise<Service> {
  const [wanted, http] = [spec.ports?.[0], existing.spec.ports?.find(({ name }) => name === 'http')]
  const isRight =
    existing.spec.type === spec.type &&
    existing.spec.ports?.length === 1 &&
    http?.port === wanted?.port &&
    http?.targetPort === wanted?.targetPort
  return isRight ? existing : client.update(services, { ...existing, spec: { ...existing.spec, ...spec } }, { signal })
}
