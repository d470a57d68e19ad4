import { join } from 'node:path'

import { hostName } from '../scenarios.ts'
import type { Features } from '../scenarios.ts'
import { end, findEnvoy, freePort, start } from '../tools.ts'
import { folder, write } from './contender.ts'
import type { Contender, Surroundings } from './contender.ts'

const TYPE = 'type.googleapis.com/envoy'

export const envoy: Contender = async (surroundings, features) => {
  const program = await findEnvoy()
  if (program === undefined) return undefined
  const port = await freePort()
  const config = await write('envoy.json', JSON.stringify(bootstrap(port, surroundings, features)))
  const child = start(program, ['-c', config, '--concurrency', '1', '--log-level', 'error', '--use-dynamic-base-id'])
  return { name: 'envoy', port, pid: child.pid ?? 0, stop: () => end(child) }
}

function bootstrap(port: number, surroundings: Surroundings, features: Features): unknown {
  const { v1, v2, collector } = surroundings
  const filters = [{ name: 'http', typed_config: manager(features) }]
  const chain = features.tls ? { filters, transport_socket: transport(surroundings, features) } : { filters }
  return {
    static_resources: {
      listeners: [{ address: address(port), filter_chains: [chain] }],
      clusters: [cluster('v1', v1), cluster('v2', v2), cluster('collector', collector)],
    },
  }
}

function manager({ hosts, telling }: Features): unknown {
  return {
    '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'gateway',
    use_remote_address: true,
    http_filters: [{ name: 'router', typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` } }],
    route_config: { virtual_hosts: Array.from({ length: hosts }, (_, index) => virtualHost(index, hosts)) },
    ...(telling && tellingOptions()),
  }
}

function tellingOptions(): object {
  return {
    access_log: [
      {
        name: 'file',
        typed_config: {
          '@type': `${TYPE}.extensions.access_loggers.file.v3.FileAccessLog`,
          path: join(folder, 'envoy.log'),
        },
      },
    ],
    tracing: {
      random_sampling: { value: 1 },
      provider: {
        name: 'zipkin',
        typed_config: {
          '@type': `${TYPE}.config.trace.v3.ZipkinConfig`,
          collector_cluster: 'collector',
          collector_endpoint: '/api/v2/spans',
          collector_endpoint_version: 'HTTP_JSON',
        },
      },
    },
  }
}

function virtualHost(index: number, hosts: number): unknown {
  const weights = { v1: 90, v2: 10 }
  const clusters = Object.entries(weights).map(([name, weight]) => ({ name, weight }))
  return {
    name: `echo-${index}`,
    domains: [hosts === 1 ? '*' : hostName(index)],
    routes: [
      {
        match: { prefix: '/', headers: [{ name: 'stage', string_match: { exact: 'canary' } }] },
        route: { cluster: 'v2' },
      },
      { match: { prefix: '/' }, route: { weighted_clusters: { clusters } } },
    ],
  }
}

function transport({ certificate, privateKey }: Surroundings, { http2 }: Features): unknown {
  return {
    name: 'tls',
    typed_config: {
      '@type': `${TYPE}.extensions.transport_sockets.tls.v3.DownstreamTlsContext`,
      common_tls_context: {
        alpn_protocols: [...(http2 ? ['h2'] : []), 'http/1.1'],
        tls_certificates: [{ certificate_chain: { filename: certificate }, private_key: { filename: privateKey } }],
      },
    },
  }
}

function cluster(name: string, port: number): unknown {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
  }
}

function address(port: number): unknown {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}
