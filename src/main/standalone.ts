/**
 * One machine's Sluice, built from its parts: API server, controllers, node agent and the link to the proxies. The
 * parts know each other only through the API and through what is handed to them here.
 */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../base/durable-file.ts'
import type { Log } from '../base/log.ts'
import { ensureToken } from '../base/token-file.ts'
import { untilWatched } from '../base/watched.ts'
import { startApiServer } from '../api-server/server.ts'
import type { ApiServer, ApiServerOptions } from '../api-server/server.ts'
import { lockDataDir } from '../api-server/data-dir-lock.ts'
import type { UpOptions } from '../cli/deps.ts'
import { failure } from '../kube/api-error.ts'
import { createHttpClient } from '../kube/http-client.ts'
import { createInformers } from '../kube/informers.ts'
import type { Clock } from '../base/clock.ts'
import { releaseMetrics } from '../controllers/release-metrics.ts'
import { dialects, kinds } from '../dialects/all.ts'
import { releases } from '../kinds/release.ts'
import type { Informers } from '../kube/informers.ts'
import { startControlLink, untilEndpointDrained } from '../proxy/control-link.ts'
import type { ControlLink } from '../proxy/control-link.ts'
import type { DataPlaneState } from '../routing/data-plane.ts'
import { startProxySupervisor } from '../proxy/supervisor.ts'
import type { ProxySupervisor } from '../proxy/supervisor.ts'
import type { MetricsSource } from '../release/model.ts'
import { openImageCatalogue } from '../runtime/images.ts'
import type { ImageCatalogue } from '../runtime/images.ts'
import { claimNetwork } from '../runtime/network.ts'
import { startNodeAgent } from '../runtime/node-agent.ts'
import type { NodeAgent } from '../runtime/node-agent.ts'
import { prometheusParts } from '../telemetry/prometheus.ts'
import { DEBUG_HEADER } from '../routing/edge-headers.ts'
import { TelemetryStore } from '../telemetry/store.ts'
import { canSharePorts } from '../proxy/shared-port.ts'
import { socketFlags } from '../proxy/worker-group.ts'
import { runControllers } from './controllers.ts'
import { podLogsOf } from './pod-logs.ts'
import { explainForApi } from './explain.ts'
import { settleGatewayPort } from './gateway-port.ts'
import { proxySocketPath } from './proxy-socket.ts'
import type { Surroundings } from './surroundings.ts'

type ApiAnswers = Required<Pick<ApiServerOptions, 'metrics' | 'kubelet' | 'ownPaths'>>

/** The Kubernetes release whose API is embedded: kubectl warns when it is more than one minor away from its own. */
const KUBERNETES_VERSION = 'v1.33.0'
const GATEWAY_LISTENER = 'gateway-http'

export interface Standalone {
  readonly api: string
  readonly gateway: string
  readonly kubeconfig: string
  /** Stops everything: proxies, pods, controllers, API server. */
  stop(): Promise<void>
  /** From now on `stop` ends control alone: proxies and pods go on, as after its sudden end. */
  leaveWorkloads(): void
  /** Rejects when a part failed that nothing works without. */
  readonly failed: Promise<never>
}

/** What the API server asks when somebody asks it, and what starts after it. */
interface LateParts {
  agent: NodeAgent | undefined
  link: ControlLink | undefined
  informers: Informers | undefined
}

/** Rejects, with everything stopped again, when a part cannot start. Long, as it is the list of parts in their order. */
export async function startStandalone(options: UpOptions, surroundings: Surroundings, log: Log): Promise<Standalone> {
  await using starting = new AsyncDisposableStack()
  let endsWorkloads = true
  const { clock, random } = surroundings
  const { dataDir } = options
  mkdirSync(join(dataDir, 'run'), { recursive: true, mode: 0o700 })
  const lock = starting.adopt(lockDataDir(dataDir), (held) => held.release())
  if (options.proxies > 1 && !canSharePorts(process.platform)) {
    throw new Error(
      `Cannot run ${options.proxies} proxies: this system does not let processes share a port; leave --proxies out`,
    )
  }
  const gatewayPort = await settleGatewayPort(options)
  const network = await claimNetwork({ dataDir, clock })
  const telemetry = new TelemetryStore({ clock })
  const late: LateParts = { agent: undefined, link: undefined, informers: undefined }
  const debugToken = ensureToken(join(dataDir, 'debug.token'))

  const working = new AbortController()
  const ended: Promise<unknown>[] = []
  const socketPath = proxySocketPath(dataDir)
  // Early: the proxies start beside everything else, and connect once there is a link.
  const supervisor = startProxies(options, surroundings, { socketPath, log, signal: working.signal })
  starting.defer(async () => {
    if (endsWorkloads) await supervisor.stopAll()
  })
  const server = starting.adopt(
    await startApiServer({
      ...apiOptions(options, surroundings),
      ...answersOf(late, { telemetry, debugToken, clock }),
      lock,
      serviceNetwork: network.serviceCidr,
      log,
    }),
    (started) => started.stop(),
  )
  const kubeconfig = writeKubeconfig(dataDir, server)
  const client = starting.adopt(createHttpClient({ ...connectionTo(server), userAgent: 'sluice' }), (each) =>
    each.close(),
  )

  starting.defer(async () => {
    working.abort(new Error('Sluice is stopping'))
    await Promise.allSettled(ended)
  })
  const deps = { client, clock, random, log, signal: working.signal }
  const informers = createInformers(client, deps)
  const onReport = telemetry.ingest.bind(telemetry)
  const link = await startControlLink({ socketPath, expected: options.proxies, onReport, ...deps })
  late.link = link
  late.informers = informers
  ended.push(link.closed)

  const agent = await startNodeAgent({
    ...deps,
    informers,
    dataDir,
    network,
    images: imagesOf(options, log),
    untilDrained: (address, signal) => untilEndpointDrained(link, address, signal),
  })
  late.agent = agent
  starting.defer(async () => {
    if (endsWorkloads) await agent.stopAll()
  })

  const { gatewayAddress: address, telling } = options
  const gateway = { address, port: gatewayPort, debugTokenHash: sha256(debugToken), telling }
  ended.push(
    runControllers({
      ...deps,
      informers,
      dataPlane: link,
      metrics: metricsOf(telemetry),
      podLogs: podLogsOf(deps.client),
      gateway,
    }),
    informers.closed(),
  )
  // At the end they go first, while the pods still answer what is under way.
  starting.defer(async () => {
    if (endsWorkloads) await supervisor.stopAll()
  })

  const bound = await Promise.race([boundGateway(link, surroundings.signal), server.closed.then(() => '')])
  const parts = starting.move()
  return {
    api: server.url,
    gateway: bound,
    kubeconfig,
    stop: () => parts.disposeAsync(),
    leaveWorkloads: () => {
      endsWorkloads = false
    },
    failed: server.closed.then(() => new Promise<never>(() => {})),
  }
}

function startProxies(
  { dataDir, proxies }: UpOptions,
  { clock, random, version, selfCommand }: Surroundings,
  { socketPath, log, signal }: { readonly socketPath: string; readonly log: Log; readonly signal: AbortSignal },
): ProxySupervisor {
  return startProxySupervisor({
    clock,
    random,
    log,
    signal,
    keeperCommand: [...selfCommand, 'proxy', 'keep'],
    command: [...selfCommand, 'proxy', 'run', '--socket', socketPath, ...socketFlags(process.platform)],
    dataDir,
    count: proxies,
    version,
  })
}

function apiOptions({ dataDir, apiAddress, apiPort }: UpOptions, { clock, random, version }: Surroundings) {
  const versions = { kubernetes: KUBERNETES_VERSION, product: version }
  const namespaces = dialects.flatMap((dialect) => dialect.namespaces)
  return { dataDir, address: apiAddress, port: apiPort, kinds, namespaces, version: versions, clock, random } as const
}

interface Answering {
  readonly telemetry: TelemetryStore
  readonly debugToken: string
  readonly clock: Clock
}

/** What the API server answers by what other parts know. */
function answersOf(late: LateParts, { telemetry, debugToken, clock }: Answering): ApiAnswers {
  return {
    metrics: function* () {
      yield* prometheusParts(telemetry)
      yield releaseMetrics(late.informers?.of(releases).list() ?? [], clock.now())
    },
    kubelet: {
      logs: ({ namespace, name }, options, signal) => {
        if (late.agent !== undefined) return late.agent.logs(namespace, name, options, signal)
        const message = `Cannot read the logs of pod "${name}": the node agent has not started yet; try again in a moment`
        throw failure({ code: 503, reason: 'ServiceUnavailable', message })
      },
    },
    ownPaths: {
      '/sluice.dev/explain': (query) => explainForApi(late.link, query),
      '/sluice.dev/debug-token': () => ({ header: DEBUG_HEADER, token: debugToken }),
    },
  }
}

function imagesOf({ dataDir, imagesFile }: UpOptions, log: Log): ImageCatalogue {
  return openImageCatalogue({
    files: [imagesFile ?? join(dataDir, 'images.yaml')],
    cacheDir: join(dataDir, 'cache'),
    onError: (error) => log.error('cannot read the image catalogue', { error }),
  })
}

/** The release engine's questions, answered from what the proxies reported: a retry hides no failed try from it. */
function metricsOf(telemetry: TelemetryStore): MetricsSource {
  return ({ namespace, name }, fromMs, toMs) => {
    const { tries, latency } = telemetry.window({ workloadNamespace: namespace, workload: name }, fromMs, toMs)
    return { ...tries, latency }
  }
}

function gatewayOf({ proxies }: DataPlaneState) {
  return proxies.flatMap(({ listeners }) => listeners).find(({ id }) => id === GATEWAY_LISTENER)
}

/** Where the gateway really listens. Rejects when it cannot. */
async function boundGateway(link: ControlLink, signal: AbortSignal): Promise<string> {
  const bound = gatewayOf(await untilWatched(link.state, (state) => gatewayOf(state) !== undefined, signal))
  if (bound?.error !== undefined) {
    throw new Error(
      `Cannot open the gateway on "${bound.address}:${bound.port}": ${bound.error}; choose another port with --gateway-port, 0 for any`,
    )
  }
  return `http://${bound?.address}:${bound?.port}`
}

function connectionTo(server: ApiServer): { readonly server: string; readonly ca: string; readonly token: string } {
  return { server: server.url, ca: server.ca, token: server.adminToken }
}

/** Written whole or not at all, readable by its owner only: it holds the administrator's token. */
function writeKubeconfig(dataDir: string, server: ApiServer): string {
  const path = join(dataDir, 'kubeconfig')
  writeDurably(path, server.kubeconfig())
  return path
}

/** In lower-case hex. */
function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
