/** Publishes where the gateway listens, as the languages' own gateways do: a Service of type LoadBalancer. */
import { isDeepStrictEqual } from 'node:util'
import type { GatewayService } from '../../dialects/routing-dialect.ts'
import { services } from '../../kinds/service.ts'
import type { Service } from '../../kinds/service.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { BoundListener, DataPlaneState } from '../../routing/data-plane.ts'

/** Where the listener is open on a connected proxy; undefined while it is nowhere. */
export function boundListener({ proxies }: DataPlaneState, id: string): BoundListener | undefined {
  return proxies
    .filter(({ connected }) => connected)
    .flatMap(({ listeners }) => listeners)
    .find((listener) => listener.id === id && listener.error === undefined && listener.port > 0)
}

interface Wanted {
  readonly service: GatewayService
  readonly existing: Service | undefined
  readonly bound: BoundListener
}

/** Creates or corrects it; fields that are not ours to decide (addresses, labels of others) stay. */
export async function publishGateway(
  client: KubeClient,
  { service, existing, bound: { address, port } }: Wanted,
  signal: AbortSignal,
): Promise<void> {
  const spec = { type: 'LoadBalancer', ports: [{ name: 'http', port, targetPort: port, protocol: 'TCP' }] } as const
  const written =
    existing === undefined ? await create(client, service, spec, signal) : await correct(client, existing, spec, signal)
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

// oxlint-disable-next-line max-params -- where, what, how, until when
function create(
  client: KubeClient,
  { namespace, name, labels }: GatewayService,
  spec: Spec,
  signal: AbortSignal,
): Promise<Service> {
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name, labels },
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
