/**
 * Control's end of the links to its proxies: listens on a Unix socket, sends each proxy what changed since the snapshot that it
 * was sent last, and knows what each serves. Only acknowledgements of this control plane's snapshots, made on the present connection, count.
 */
import { chmod, mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { dirname } from 'node:path'

import { hostPort } from '../base/host-port.ts'
import { WatchedValue } from '../base/watched.ts'
import type { Watched } from '../base/watched.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { liveGeneration } from '../routing/data-plane.ts'
import type { DataPlane, DataPlaneState, ProxyState } from '../routing/data-plane.ts'
import type { RoutingSnapshot } from '../routing/model.ts'
import type { TrafficReport } from '../telemetry/report.ts'

import type { ProxyDescription } from './cluster-report.ts'
import { deltaMessages, wholeMessages } from './link/snapshot-messages.ts'
import { encodeMessage, MESSAGE_BYTES_MAX, readMessages, sendMessage } from './link-protocol.ts'
import type { FromProxy } from './link-protocol.ts'

/** Of a process that was just told to end: it has not said yet which endpoints it still uses. */
const ANY_ENDPOINT = '*'
const NOTHING_YET = { acknowledged: null, listeners: [], draining: [] }
/** A proxy that does not describe itself in this time is left out. */
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
  /** Asks every connected proxy what it has open; one description for each that answers. */
  describe(): Promise<readonly ProxyDescription[]>
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
  const prefix = hostPort(address, 0).slice(0, -1)
  return (
    !isNamed &&
    !state.proxies.some(({ draining }) => draining.some((key) => key === ANY_ENDPOINT || key.startsWith(prefix)))
  )
}

interface Peer {
  readonly socket: Socket
  id: string
  pid: number
  startedAtMs: number
  /** Undefined: of a release that does not say it. */
  startedUptimeMs: number | undefined
  takesPieces: boolean
  takesDeltas: boolean
  /** The snapshot that was sent last on the connection; null: none, or the proxy has lost track. */
  sent: RoutingSnapshot | null
  /** Whether the newest snapshot still has to be sent. */
  owesSnapshot: boolean
  /** An older process has its name and serves until this one has acknowledged what that one serves. */
  isCandidate: boolean
  /** A newer process has its name. */
  isReplaced: boolean
  standing: Pick<ProxyState, 'acknowledged' | 'listeners' | 'draining'>
  /** Who asked for its description; undefined tells them that there will be no answer. */
  readonly asking: ((description: ProxyDescription | undefined) => void)[]
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
    // One proxy could not be accepted, for example: out of file descriptors. It tries again.
    this.#server.on('error', (error) => this.#options.log.warn('cannot accept a proxy', { error }))
    await chmod(socketPath, 0o600)
    if (signal.aborted) this.#close()
    else signal.addEventListener('abort', () => this.#close(), { once: true })
  }

  publish(snapshot: RoutingSnapshot): void {
    this.#published.set(snapshot)
    // Proxies that were sent the same snapshot before share the encoded change.
    const encoded = new Map<RoutingSnapshot, readonly string[]>()
    for (const peer of this.#peers) this.#offer(peer, encoded)
  }

  async describe(): Promise<readonly ProxyDescription[]> {
    const peers = [...this.#peers].filter(({ id }) => id !== '')
    const answers = await Promise.all(peers.map((peer) => this.#askPools(peer)))
    // Of one that is about to end only what it has open counts: it chooses no endpoints any more.
    return answers.flatMap((description, index) => {
      if (description === undefined) return []
      return peers[index]?.isReplaced === true ? [{ ...description, clusters: [] }] : [description]
    })
  }

  #askPools(peer: Peer): Promise<ProxyDescription | undefined> {
    return new Promise((resolve) => {
      const late = this.#options.clock.after(DESCRIBE_TIMEOUT_MS, () => resolve(undefined), { unref: true })
      peer.asking.push((description) => {
        late.cancel()
        resolve(description)
      })
      sendMessage(peer.socket, { kind: 'describe' })
    })
  }

  /** A proxy that is slow to read gets the newest snapshot when it has read the last one, not all in between. */
  #offer(peer: Peer, encoded: Map<RoutingSnapshot, readonly string[]> = new Map()): void {
    const snapshot = this.#published.value
    if (snapshot === undefined || peer.id === '' || peer.isReplaced) return
    peer.owesSnapshot = peer.socket.writableNeedDrain
    if (peer.owesSnapshot) return
    const messages = encodedFor(peer, snapshot, encoded)
    if (messages.every((text) => Buffer.byteLength(text) <= MESSAGE_BYTES_MAX)) {
      for (const text of messages) peer.socket.write(text)
      peer.sent = snapshot
      return
    }
    const most = `${MESSAGE_BYTES_MAX / 1024 / 1024} MB`
    const reason = `Cannot serve the snapshot: a part of it is larger than ${most}; divide its largest virtual host`
    this.#onRefused(peer, { generation: snapshot.generation, reason })
  }

  #accept(socket: Socket): void {
    const peer: Peer = {
      socket,
      id: '',
      pid: 0,
      startedAtMs: 0,
      startedUptimeMs: undefined,
      takesPieces: false,
      takesDeltas: false,
      sent: null,
      owesSnapshot: false,
      isCandidate: false,
      isReplaced: false,
      standing: NOTHING_YET,
      asking: [],
    }
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
    if (message.kind !== 'hello' && peer.id === '') return
    switch (message.kind) {
      case 'hello':
        this.#onHello(peer, message)
        return
      case 'ack':
        this.#onStanding(peer, { ...message, acknowledged: message.generation })
        return
      case 'nack':
        this.#onRefused(peer, message)
        return
      case 'lost-track':
        this.#options.log.warn('proxy could not apply a change, it gets the whole snapshot', { proxy: peer.id })
        peer.sent = null
        this.#offer(peer)
        return
      case 'standing':
        this.#onStanding(peer, { ...message, acknowledged: peer.standing.acknowledged })
        return
      case 'description':
        for (const answer of peer.asking.splice(0)) answer(message.description)
        return
      case 'report':
        this.#options.onReport(message.report)
    }
  }

  #onRefused(peer: Peer, { generation, reason }: { readonly generation: number; readonly reason: string }): void {
    this.#options.log.error('proxy refused a snapshot', { proxy: peer.id, reason })
    if (!peer.isCandidate && !peer.isReplaced) this.#update(peer.id, { refused: { generation, reason } })
  }

  #onHello(peer: Peer, hello: Extract<FromProxy, { kind: 'hello' }>): void {
    const { id, pid, startedAtMs, startedUptimeMs, pieces = false, deltas = false } = hello
    const others = [...this.#peers].filter((other) => other !== peer && other.id === id && !other.isReplaced)
    // The same process on a new connection: the old one is only not known to be dead yet.
    for (const stale of others.filter((other) => other.pid === pid)) this.#forget(stale)
    Object.assign(peer, { id, pid, startedAtMs, startedUptimeMs, takesPieces: pieces, takesDeltas: deltas })
    const newer = others.find((other) => other.pid !== pid && isNewer(other, peer))
    peer.isCandidate = newer === undefined && others.some((other) => other.pid !== pid)
    this.#options.log.info('proxy connected', {
      proxy: id,
      pid,
      replaces: peer.isCandidate ? 'an older one' : undefined,
    })
    // Control was away, and the one that is to replace it was the first to connect again.
    if (newer !== undefined && newer.standing.acknowledged !== null) return this.#replace(peer)
    if (newer !== undefined) newer.isCandidate = true
    if (!peer.isCandidate) this.#put({ id, connected: true, ...NOTHING_YET })
    this.#offer(peer)
  }

  #onStanding(peer: Peer, { acknowledged, listeners, draining }: Peer['standing']): void {
    peer.standing = { acknowledged, listeners, draining }
    if (peer.isCandidate && this.#canTakeOver(peer)) this.#takeOver(peer)
    if (peer.isCandidate) return
    if (peer.isReplaced) {
      this.#update(peer.id, { draining: this.#drainingOf(peer.id) })
      return
    }
    const { refused, ...known } = this.#known(peer.id)
    const stillRefused = refused !== undefined && refused.generation > (acknowledged ?? 0) ? { refused } : {}
    this.#put({ ...known, acknowledged, listeners, draining: this.#drainingOf(peer.id), ...stillRefused })
  }

  /** What the older process serves, and where it listens, the newer one does too: no request is refused or goes astray. */
  #canTakeOver({ id, standing }: Peer): boolean {
    const before = this.#known(id)
    if (standing.acknowledged === null || standing.acknowledged < (before.acknowledged ?? 0)) return false
    const bound = before.listeners.filter(({ error }) => error === undefined).map((listener) => listener.id)
    return standing.listeners.every((listener) => listener.error === undefined || !bound.includes(listener.id))
  }

  /** Older processes are told to end. Until they have drained what they use counts, what they have acknowledged does not. */
  #takeOver(peer: Peer): void {
    for (const other of this.#peers) {
      if (other !== peer && other.id === peer.id && !other.isReplaced) this.#replace(other)
    }
    peer.isCandidate = false
  }

  #replace(peer: Peer): void {
    peer.isReplaced = true
    peer.isCandidate = false
    peer.standing = { ...peer.standing, draining: [ANY_ENDPOINT] }
    sendMessage(peer.socket, { kind: 'stop' })
  }

  /** Endpoints in use by the process of this name, or by older ones that are about to end. */
  #drainingOf(id: string): readonly string[] {
    const peers = [...this.#peers].filter((peer) => peer.id === id && !peer.isCandidate)
    return [...new Set(peers.flatMap(({ standing }) => standing.draining))]
  }

  #forget(peer: Peer): void {
    this.#peers.delete(peer)
    peer.socket.destroy()
  }

  #onClose(peer: Peer): void {
    for (const answer of peer.asking.splice(0)) answer(undefined)
    if (!this.#peers.delete(peer) || peer.id === '' || peer.isCandidate) return
    if (peer.isReplaced) {
      this.#update(peer.id, { draining: this.#drainingOf(peer.id) })
      return
    }
    this.#options.log.warn('proxy disconnected', { proxy: peer.id })
    this.#update(peer.id, { connected: false, draining: this.#drainingOf(peer.id) })
    const next = [...this.#peers].find(({ id, isCandidate }) => id === peer.id && isCandidate)
    if (next !== undefined) this.#succeed(next)
  }

  /** The older process ended by itself: there is nothing left to wait for. */
  #succeed(peer: Peer): void {
    peer.isCandidate = false
    this.#put({ id: peer.id, connected: true, ...NOTHING_YET })
    this.#onStanding(peer, peer.standing)
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

function encodedFor(
  { takesPieces, takesDeltas, sent }: Peer,
  snapshot: RoutingSnapshot,
  encoded: Map<RoutingSnapshot, readonly string[]>,
): readonly string[] {
  if (!takesDeltas || sent === null) return wholeMessages(snapshot, takesPieces).map(encodeMessage)
  const known = encoded.get(sent) ?? deltaMessages(sent, snapshot).map(encodeMessage)
  encoded.set(sent, known)
  return known
}

/** By the wall clock, which may have been set back since, only where one of them says nothing better. */
function isNewer(a: Peer, b: Peer): boolean {
  if (a.startedUptimeMs === undefined || b.startedUptimeMs === undefined) return a.startedAtMs > b.startedAtMs
  return a.startedUptimeMs > b.startedUptimeMs
}
