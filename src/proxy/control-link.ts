/**
 * Control's end of the links to its proxies: listens on a Unix socket, hands out the newest snapshot, and knows what each
 * proxy serves. Only acknowledgements of this control plane's snapshots, made on the present connection, count.
 */
import { chmod, mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { dirname } from 'node:path'

import { WatchedValue } from '../base/watched.ts'
import type { Watched } from '../base/watched.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { liveGeneration } from '../routing/data-plane.ts'
import type { DataPlane, DataPlaneState, ProxyState } from '../routing/data-plane.ts'
import type { RoutingSnapshot } from '../routing/model.ts'
import type { TrafficReport } from '../telemetry/report.ts'

import { poolKey } from './endpoint-pool.ts'
import type { PoolState } from './endpoint-pool.ts'
import { readMessages, sendMessage } from './link-protocol.ts'
import type { FromProxy } from './link-protocol.ts'

/** A proxy that does not tell its pools in this time is left out. */
const DESCRIBE_TIMEOUT_MS = 1_000

export interface ControlLinkOptions {
  readonly socketPath: string
  /** How many proxies there should be. */
  readonly expected: number
  readonly clock: Clock
  readonly log: Log
  readonly onReport: (report: TrafficReport) => void
  /** Closes the link; the proxies go on serving. */
  readonly signal: AbortSignal
}

export interface ControlLink extends DataPlane {
  /** The newest snapshot that was published. */
  readonly published: Watched<RoutingSnapshot | undefined>
  /** Asks every connected proxy for its pools; one list for each that answers. */
  describe(): Promise<readonly (readonly PoolState[])[]>
  /** Resolves once the socket is closed and gone. */
  readonly closed: Promise<void>
}

/** Resolves when proxies can connect. A socket file that a killed control left behind is replaced. */
export async function startControlLink(options: ControlLinkOptions): Promise<ControlLink> {
  const link = new Link(options)
  await link.listen()
  return link
}

/**
 * Resolves once no proxy sends anything to the IP address any more: all have acknowledged the newest snapshot, no endpoint
 * in it has the address, and none of them still has a request there. Rejects when `signal` aborts.
 */
export function untilEndpointDrained(link: ControlLink, address: string, signal: AbortSignal): Promise<void> {
  const done = Promise.withResolvers<void>()
  const check = (): void => {
    if (isEndpointDrained(link.published.value, link.state.value, address)) done.resolve()
  }
  const onAbort = (): void => done.reject(signal.reason as Error)
  const unsubscribes = [link.published.subscribe(check), link.state.subscribe(check)]
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  check()
  return done.promise.finally(() => {
    for (const unsubscribe of unsubscribes) unsubscribe()
    signal.removeEventListener('abort', onAbort)
  })
}

/** Whether the IP address is out of use in this state of the proxies. */
function isEndpointDrained(published: RoutingSnapshot | undefined, state: DataPlaneState, address: string): boolean {
  if (published === undefined || liveGeneration(state) !== published.generation) return false
  const isNamed = published.clusters.some(({ endpoints }) => endpoints.some((each) => each.address === address))
  const prefix = poolKey(address, 0).slice(0, -1)
  return !isNamed && !state.proxies.some(({ draining }) => draining.some((key) => key.startsWith(prefix)))
}

interface Peer {
  readonly socket: Socket
  id: string
  pid: number
  startedAtMs: number
  /** Whether the newest snapshot still has to be sent. */
  owesSnapshot: boolean
  /** A newer process has its name. */
  isReplaced: boolean
  /** Who asked for its pools; undefined tells them that there will be no answer. */
  readonly asking: ((pools: readonly PoolState[] | undefined) => void)[]
}

class Link implements ControlLink {
  readonly #options: ControlLinkOptions
  readonly #server: Server
  readonly #state: WatchedValue<DataPlaneState>
  readonly #published = new WatchedValue<RoutingSnapshot | undefined>(undefined)
  readonly #peers = new Set<Peer>()
  readonly #closed = Promise.withResolvers<void>()

  constructor(options: ControlLinkOptions) {
    this.#options = options
    this.#state = new WatchedValue<DataPlaneState>({ expected: options.expected, proxies: [] })
    this.#server = createServer((socket) => this.#accept(socket))
  }

  get state(): Watched<DataPlaneState> {
    return this.#state
  }

  get published(): Watched<RoutingSnapshot | undefined> {
    return this.#published
  }

  get closed(): Promise<void> {
    return this.#closed.promise
  }

  async listen(): Promise<void> {
    const { socketPath, signal } = this.#options
    await mkdir(dirname(socketPath), { recursive: true })
    await rm(socketPath, { force: true })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(socketPath, resolve)
    })
    await chmod(socketPath, 0o600)
    if (signal.aborted) this.#close()
    else signal.addEventListener('abort', () => this.#close(), { once: true })
  }

  publish(snapshot: RoutingSnapshot): void {
    this.#published.set(snapshot)
    for (const peer of this.#peers) this.#offer(peer)
  }

  async describe(): Promise<readonly (readonly PoolState[])[]> {
    const peers = [...this.#peers].filter(({ id, isReplaced }) => id !== '' && !isReplaced)
    const answers = await Promise.all(peers.map((peer) => this.#askPools(peer)))
    return answers.flatMap((pools) => (pools === undefined ? [] : [pools]))
  }

  #askPools(peer: Peer): Promise<readonly PoolState[] | undefined> {
    return new Promise((resolve) => {
      const late = this.#options.clock.after(DESCRIBE_TIMEOUT_MS, () => resolve(undefined), { unref: true })
      peer.asking.push((pools) => {
        late.cancel()
        resolve(pools)
      })
      sendMessage(peer.socket, { kind: 'describe' })
    })
  }

  /** A proxy that is slow to read gets the newest snapshot when it has read the last one, not all in between. */
  #offer(peer: Peer): void {
    const snapshot = this.#published.value
    if (snapshot === undefined || peer.id === '' || peer.isReplaced) return
    peer.owesSnapshot = peer.socket.writableNeedDrain
    if (!peer.owesSnapshot) sendMessage(peer.socket, { kind: 'snapshot', snapshot })
  }

  #accept(socket: Socket): void {
    const peer: Peer = { socket, id: '', pid: 0, startedAtMs: 0, owesSnapshot: false, isReplaced: false, asking: [] }
    this.#peers.add(peer)
    readMessages<FromProxy>(socket, {
      onMessage: (message) => this.#onMessage(peer, message),
      onBroken: (why) => {
        this.#options.log.warn('proxy link is broken', { proxy: peer.id, why })
        socket.destroy()
      },
    })
    socket.on('drain', () => {
      if (peer.owesSnapshot) this.#offer(peer)
    })
    // The 'close' event follows and is where the peer is forgotten.
    socket.on('error', () => {})
    socket.on('close', () => this.#onClose(peer))
  }

  #onMessage(peer: Peer, message: FromProxy): void {
    if (message.kind !== 'hello' && (peer.id === '' || (peer.isReplaced && message.kind !== 'report'))) return
    switch (message.kind) {
      case 'hello':
        this.#onHello(peer, message)
        return
      case 'ack':
        this.#onAck(peer, message)
        return
      case 'nack':
        this.#options.log.error('proxy refused a snapshot', { proxy: peer.id, reason: message.reason })
        this.#update(peer.id, { refused: { generation: message.generation, reason: message.reason } })
        return
      case 'standing':
        this.#update(peer.id, { listeners: message.listeners, draining: message.draining })
        return
      case 'pools':
        for (const answer of peer.asking.splice(0)) answer(message.pools)
        return
      case 'report':
        this.#options.onReport(message.report)
    }
  }

  #onHello(peer: Peer, { id, pid, startedAtMs }: Extract<FromProxy, { kind: 'hello' }>): void {
    for (const other of this.#peers) {
      if (other.id === id && !other.isReplaced) this.#replace(other, pid)
    }
    Object.assign(peer, { id, pid, startedAtMs })
    this.#options.log.info('proxy connected', { proxy: id, pid })
    this.#put({ id, connected: true, acknowledged: null, listeners: [], draining: [] })
    this.#offer(peer)
  }

  /** One place, one process: an older one that still runs under this name is told to end. */
  #replace(other: Peer, pid: number): void {
    if (other.pid === pid) {
      this.#peers.delete(other)
      other.socket.destroy()
      return
    }
    // Its connection stays open until it has drained: its last report counts, its standing does not.
    other.isReplaced = true
    sendMessage(other.socket, { kind: 'stop' })
  }

  #onAck(peer: Peer, { generation, listeners, draining }: Extract<FromProxy, { kind: 'ack' }>): void {
    const { refused, ...known } = this.#known(peer.id)
    const stillRefused = refused !== undefined && refused.generation > generation ? { refused } : {}
    this.#put({ ...known, acknowledged: generation, listeners, draining, ...stillRefused })
  }

  #onClose(peer: Peer): void {
    for (const answer of peer.asking.splice(0)) answer(undefined)
    if (!this.#peers.delete(peer) || peer.id === '' || peer.isReplaced) return
    this.#options.log.warn('proxy disconnected', { proxy: peer.id })
    this.#update(peer.id, { connected: false })
  }

  #known(id: string): ProxyState {
    const known = this.#state.value.proxies.find((proxy) => proxy.id === id)
    return known ?? { id, connected: true, acknowledged: null, listeners: [], draining: [] }
  }

  #update(id: string, change: Partial<ProxyState>): void {
    this.#put({ ...this.#known(id), ...change })
  }

  #put(proxy: ProxyState): void {
    const { expected, proxies } = this.#state.value
    const others = proxies.filter(({ id }) => id !== proxy.id)
    this.#state.set({ expected, proxies: [...others, proxy].toSorted((a, b) => (a.id < b.id ? -1 : 1)) })
  }

  #close(): void {
    this.#server.close(() => this.#closed.resolve())
    for (const { socket } of this.#peers) socket.destroy()
  }
}
