/** `sluice proxy url` and `sluice proxy address` */
import { hostPort } from '../../base/host-port.ts'
import { isReason } from '../../kube/api-error.ts'
import type { HttpClient } from '../../kube/http-client.ts'
import { type KubeObject, objectKey, type ResourceType } from '../../kube/object.ts'
import { connect } from '../api/connect.ts'
import type { Call } from '../command.ts'
import type { ProxyAddressOptions } from '../options.ts'

const GATEWAY_NAMESPACE = 'gloo-system'

/** The parts of a Service that say where it answers. */
interface GatewayService extends KubeObject {
  readonly spec?: { readonly ports?: readonly { readonly name?: string; readonly port: number }[] }
  readonly status?: {
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] }
  }
}

const services: ResourceType<GatewayService> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  namespaced: true,
}

export async function printProxyUrl(call: Call<ProxyAddressOptions>): Promise<number> {
  const { host, port } = await addressOf(call)
  call.deps.stdout.write(`http://${hostPort(host, port)}\n`)
  return 0
}

export async function printProxyAddress(call: Call<ProxyAddressOptions>): Promise<number> {
  const { host, port } = await addressOf(call)
  call.deps.stdout.write(`${host}:${port}\n`)
  return 0
}

async function addressOf({ options, deps }: Call<ProxyAddressOptions>): Promise<GatewayAddress> {
  await using session = await connect(options, deps)
  const asked = { name: options.name, port: options.port, signal: deps.signal }
  return gatewayAddress(session.client, asked)
}

export interface GatewayAddress {
  readonly host: string
  readonly port: number
}

/** Where the gateway answers, as the control plane has published it. */
export async function gatewayAddress(
  client: HttpClient,
  {
    name = 'gateway-proxy',
    port: portName = 'http',
    signal,
  }: { name?: string; port?: string; signal?: AbortSignal } = {},
): Promise<GatewayAddress> {
  const fail = (why: string): Error => new Error(`Cannot tell the address of gateway "${name}": ${why}`)
  const service = await client.get(services, objectKey(GATEWAY_NAMESPACE, name), signal).catch((error: unknown) => {
    throw isReason(error, 'NotFound') ? fail(`there is no Service of that name in ${GATEWAY_NAMESPACE} yet`) : error
  })
  const ports = service.spec?.ports ?? []
  const port = ports.find((each) => each.name === portName)?.port
  if (port === undefined) {
    throw fail(
      `it has no port "${portName}"; it has: ${ports.map((each) => each.name ?? each.port).join(', ') || 'none'}`,
    )
  }
  const [ingress] = service.status?.loadBalancer?.ingress ?? []
  const host = ingress?.ip ?? ingress?.hostname
  if (host === undefined) throw fail('it has no address yet; is the proxy running? See "sluice status"')
  return { host, port }
}
