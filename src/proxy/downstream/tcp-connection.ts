/**
 * One TCP connection of a client and its connection to an endpoint: bytes both ways, no more of them held here than the
 * sockets' own buffers take, each direction ended by itself. It stays with its endpoint when the snapshot changes; where new
 * ones would no longer get there it has some time left, then it is closed.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'

import { defined } from '../../base/assert.ts'
import { messageOf } from '../../base/errors.ts'
import { plainAddress } from '../../base/host-port.ts'
import type { Random } from '../../base/random.ts'
import { hashText, randomHash } from '../../routing/hash.ts'
import type { ResponseFlag } from '../../routing/route-model.ts'
import type { DestinationTraffic } from '../../telemetry/recorder.ts'

import type { ClusterGate } from '../upstream/cluster-gate.ts'
import type { EndpointPool } from '../upstream/endpoint-pool.ts'
import type { OutlierHost } from '../health/outlier-detector.ts'
import type { PassedBytes } from '../exchange/passed-bytes.ts'
import { pickEndpoint } from '../cluster/pick-endpoint.ts'
import type { RequestKey } from '../cluster/prepared-key.ts'
import { CONNECT_ATTEMPTS_MAX } from '../cluster/endpoint-search.ts'
import type { ListenerCounts } from '../cluster/destination-counters.ts'
import type { ServingCluster } from '../cluster/serving-cluster.ts'
import { TcpRecord } from '../telling/tcp-record.ts'
import { probeUnread } from './socket-probe.ts'
import { readClientHello } from '../tls/client-hello.ts'
import { Tunnel } from '../exchange/tunnel.ts'

import { findTcpRoute } from '../serving/serving-tcp.ts'
import type { ServingTcp } from '../serving/serving-tcp.ts'

/** How long a client may take to say which server it wants. */
const CLIENT_HELLO_TIMEOUT_MS = 10_000
/** How often the bytes of an open connection are counted; Istio's proxies do so as often. */
const BYTES_COUNT_INTERVAL_MS = 5_000
const EMPTY = Buffer.alloc(0)

export interface TcpConnectionDeps {
  /** What the client's bytes go over: another socket where there is TLS. */
  readonly wire: Socket
  readonly monotonicMs: () => number
  readonly passed: PassedBytes
  readonly random: Random
  readonly newStreamId: () => string
  /** What new connections are served with: the newest snapshot. */
  readonly serving: () => ServingTcp
  /** An error of ours has ended the connection. */
  readonly onCrash: (error: unknown) => void
  readonly onClosed: (connection: TcpConnection) => void
}

type State = 'hello' | 'connecting' | 'open' | 'closed'

export class TcpConnection {
  readonly #client: Socket
  readonly #deps: TcpConnectionDeps
  #state: State = 'hello'
  #upstream: Socket | null = null
  #pool: EndpointPool | null = null
  #cluster: ServingCluster | null = null
  /** The limits under which the connection to the endpoint is counted. */
  #gate: ClusterGate | null = null
  /** What it did to connections counts as with requests: one that is made is a success. */
  #outlier: OutlierHost | null = null
  #tried: EndpointPool[] = []
  readonly #counts: ListenerCounts
  #traffic: DestinationTraffic
  #routeId = ''
  #idleTimeoutMs = 0
  /** Of the route; null: that of the cluster. */
  #hashKey: RequestKey | null = null
  #connectDeadlineMs = 0
  /** Null while it is not open. */
  #tunnel: Tunnel | null = null
  /** The snapshot by which it is routed; null from when it is open, so that it outlives no newer ones. */
  #serving: ServingTcp | null
  /** What the client sent before there was an endpoint. */
  #held: Buffer = EMPTY
  /** What is noted for the listener's log; null: it has none. */
  readonly #record: TcpRecord | null
  readonly #startedMs: number
  #idleSinceMs: number
  #moved = false
  #sentBytes = 0
  #receivedBytes = 0
  /** As far as they are counted. */
  #countedSentBytes = 0
  #countedReceivedBytes = 0
  #bytesCountedAtMs: number

  constructor(client: Socket, deps: TcpConnectionDeps) {
    this.#client = client
    this.#deps = deps
    this.#serving = deps.serving()
    this.#counts = this.#serving.counts
    this.#traffic = this.#counts.nowhere
    this.#startedMs = this.#idleSinceMs = this.#bytesCountedAtMs = deps.monotonicMs()
    const { telling } = this.#serving
    this.#record = telling === null ? null : new TcpRecord(telling, client, deps.newStreamId())
    client
      .on('data', (chunk: Buffer) => this.#try(() => this.#onClientData(chunk)))
      .on('drain', () => this.#upstream?.resume())
      .on('end', () => this.#try(() => this.#onClientEnd()))
      .on('error', () => this.#try(() => this.#end('DC')))
      .on('close', () => this.#try(() => this.#onSideClosed(this.#upstream)))
  }

  /** `serverName` null: it stands in the bytes that the client sends first, which go through as they are. */
  start(serverName: string | null): void {
    if (serverName !== null) this.#route(serverName)
  }

  /** Connections of a listener that is gone have as long as those whose destination is. */
  closeWhenIdle(): void {
    if (this.#tunnel === null) this.#end('')
    else this.#tunnel.drain(this.#deps.monotonicMs())
  }

  destroy(): void {
    this.#end('')
  }

  sweep(nowMs: number): void {
    this.#try(() => this.#sweep(nowMs))
  }

  /** An error of ours ends this connection, and nobody else's. */
  #try(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#deps.onCrash(error)
      this.#end('')
    }
  }

  #sweep(nowMs: number): void {
    if (this.#moved) this.#idleSinceMs = nowMs
    this.#moved = false
    switch (this.#state) {
      case 'hello':
        if (nowMs - this.#startedMs >= CLIENT_HELLO_TIMEOUT_MS) this.#end('DPE')
        return
      case 'connecting':
        if (nowMs >= this.#connectDeadlineMs) this.#tryNext()
        return
      case 'open':
        this.#sweepOpen(nowMs)
        return
      case 'closed':
    }
  }

  #sweepOpen(nowMs: number): void {
    probeUnread(this.#client, this.#deps.wire)
    if (this.#upstream !== null) probeUnread(this.#upstream, this.#upstream)
    if (this.#state !== 'open') return
    if (nowMs - this.#bytesCountedAtMs >= BYTES_COUNT_INTERVAL_MS) this.#countBytes(nowMs)
    const isIdle = this.#idleTimeoutMs > 0 && nowMs - this.#idleSinceMs >= this.#idleTimeoutMs
    if (isIdle || this.#tunnel?.isOver(nowMs, this.#deps.serving().reach) === true) this.#end('')
  }

  /** Connections may go on for days. */
  #countBytes(nowMs: number): void {
    this.#traffic.countBytes(this.#sentBytes - this.#countedSentBytes, this.#receivedBytes - this.#countedReceivedBytes)
    this.#countedSentBytes = this.#sentBytes
    this.#countedReceivedBytes = this.#receivedBytes
    this.#bytesCountedAtMs = nowMs
  }

  #onClientData(chunk: Buffer): void {
    this.#moved = true
    this.#sentBytes += chunk.length
    this.#deps.passed.add(chunk.length)
    if (this.#state === 'open') {
      if (this.#upstream?.write(chunk) === false) this.#client.pause()
      return
    }
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    if (this.#state === 'hello') this.#readHello()
  }

  #readHello(): void {
    const hello = readClientHello(this.#held)
    if (hello.kind === 'hello') this.#route(hello.serverName)
    else if (hello.kind === 'refused') this.#end('DPE')
  }

  #route(serverName: string): void {
    this.#client.pause()
    if (this.#record !== null) this.#record.serverName = serverName
    const found = findTcpRoute(defined(this.#serving, 'snapshot'), serverName)
    const cluster = found?.destinations[found.split.next()] ?? null
    if (found === undefined || cluster === null) return this.#end('NR')
    this.#routeId = found.route.id
    this.#hashKey = found.hashKey
    this.#idleTimeoutMs = found.route.idleTimeoutMs
    this.#cluster = cluster
    this.#traffic = cluster.unreached.of(this.#counts)
    this.#connect(cluster, 'UH')
  }

  #connect(cluster: ServingCluster, flag: ResponseFlag): void {
    const nowMs = this.#deps.monotonicMs()
    const hash = this.#hashFor(cluster)
    const endpoint = pickEndpoint(cluster, hash, nowMs, this.#tried)
    if (endpoint === undefined) return this.#end(flag)
    if (this.#tried.length > 0) this.#traffic.countRetried(0, 'UF')
    this.#traffic = endpoint.counters.of(this.#counts)
    if (cluster.gate?.mayConnect === false) return this.#end('UO')
    const { pool } = endpoint
    this.#outlier = endpoint.outlier
    this.#gate = cluster.gate
    this.#gate?.connected()
    this.#state = 'connecting'
    this.#connectDeadlineMs = nowMs + cluster.connectTimeoutMs
    this.#pool = pool
    if (this.#record !== null) this.#record.onTry(this.#routeId, cluster.name, pool.endpoint)
    pool.enter()
    const { address, port, tls } = pool
    const socket =
      tls === null
        ? connect({ host: address, port, noDelay: true, allowHalfOpen: true })
        : tls.connect(address, port, { protocols: [], allowHalfOpen: true })
    this.#upstream = socket
    socket
      .on(tls === null ? 'connect' : 'secureConnect', () => this.#try(() => this.#onConnected(socket)))
      .on('data', (chunk: Buffer) => this.#try(() => this.#onUpstreamData(socket, chunk)))
      .on('drain', () => this.#client.resume())
      .on('end', () => this.#client.end())
      .on('error', (error) => this.#try(() => this.#onUpstreamError(socket, error)))
      .on('close', () => this.#try(() => this.#onUpstreamClosed(socket)))
  }

  /** As with requests; one without the key is spread at random. */
  #hashFor({ key }: ServingCluster): number {
    if (key === null) return 0
    const address = (this.#hashKey ?? key).isAddress ? addressOf(this.#client) : ''
    return address === '' ? randomHash(this.#deps.random) : hashText(address)
  }

  #onConnected(socket: Socket): void {
    if (socket !== this.#upstream || this.#state !== 'connecting') return
    this.#state = 'open'
    const pool = defined(this.#pool, 'pool')
    const { reach } = defined(this.#serving, 'snapshot')
    this.#serving = null
    this.#tunnel = new Tunnel({ pool, traffic: this.#traffic, routeId: this.#routeId, reach, drainMs: undefined })
    this.#outlier?.onStatus(200, this.#deps.monotonicMs())
    this.#traffic.countOpened()
    this.#moved = true
    const held = this.#held
    this.#held = EMPTY
    if (held.length === 0 || socket.write(held)) this.#client.resume()
    if (this.#client.readableEnded) socket.end()
  }

  #onUpstreamData(socket: Socket, chunk: Buffer): void {
    this.#moved = true
    this.#receivedBytes += chunk.length
    this.#deps.passed.add(chunk.length)
    if (!this.#client.write(chunk)) socket.pause()
  }

  #onUpstreamError(socket: Socket, error: Error): void {
    if (socket !== this.#upstream) return
    if (this.#state !== 'connecting') return this.#end('UC')
    if (this.#record !== null) this.#record.transportFailure = messageOf(error)
    this.#pool?.tls?.noteFailure(error, this.#pool.address, this.#pool.port)
    this.#tryNext()
  }

  #onUpstreamClosed(socket: Socket): void {
    if (socket !== this.#upstream) return
    if (this.#state === 'connecting') this.#tryNext()
    else this.#onSideClosed(this.#client)
  }

  /** Nothing was sent: another endpoint will do, of the newest snapshot. */
  #tryNext(): void {
    const failed = this.#pool
    const cluster = this.#cluster
    if (failed === null || cluster === null) return
    const nowMs = this.#deps.monotonicMs()
    failed.avoid(nowMs)
    this.#outlier?.onFailure(nowMs)
    this.#dropUpstream()
    this.#tried.push(failed)
    if (this.#tried.length >= CONNECT_ATTEMPTS_MAX) return this.#end('UF')
    this.#cluster = this.#deps.serving().clusters.get(cluster.name) ?? cluster
    this.#connect(this.#cluster, 'UF')
  }

  #onClientEnd(): void {
    if (this.#state === 'open') this.#upstream?.end()
    else if (this.#state === 'hello') this.#end('DPE')
  }

  /** Both directions of one side are over: what the other side still has to get is sent, then all is over. */
  #onSideClosed(other: Socket | null): void {
    if (this.#state === 'closed') return
    if (other === null || other.destroyed || this.#state !== 'open') this.#end(this.#state === 'open' ? '' : 'DC')
    else other.destroySoon()
  }

  #dropUpstream(): void {
    const upstream = this.#upstream
    this.#upstream = null
    upstream?.destroy()
    this.#pool?.leave()
    this.#pool = null
    this.#gate?.closed()
    this.#gate = null
  }

  #end(flag: ResponseFlag | ''): void {
    if (this.#state === 'closed') return
    // Every one that is over has been opened, also where no endpoint was reached.
    if (this.#state !== 'open') this.#traffic.countOpened(flag)
    this.#state = 'closed'
    this.#held = EMPTY
    this.#tunnel?.end()
    this.#tunnel = null
    this.#dropUpstream()
    this.#client.destroy()
    const outcome = {
      status: 0,
      flag,
      durationMs: this.#deps.monotonicMs() - this.#startedMs,
      requestBytes: this.#sentBytes,
      responseBytes: this.#receivedBytes,
    }
    this.#traffic.count({
      ...outcome,
      requestBytes: this.#sentBytes - this.#countedSentBytes,
      responseBytes: this.#receivedBytes - this.#countedReceivedBytes,
    })
    if (this.#record !== null) this.#record.tell(this.#startedMs, outcome)
    this.#deps.onClosed(this)
  }
}

/** As `ClientSide.clientAddress`. */
function addressOf({ remoteAddress = '' }: Socket): string {
  return plainAddress(remoteAddress)
}
