/**
 * Holds the listening sockets of worker processes and hands them out, without ever accepting a client: their queues survive
 * any worker. Every worker has a socket of its own for each address, so that the kernel spreads connections evenly
 * (`SO_REUSEPORT`); where it cannot, all accept from one. While nobody serves a worker's place, another accepts for it.
 */
import type { ChildProcess } from 'node:child_process'
import net from 'node:net'
import type { Socket } from 'node:net'

import { messageOf } from '../../base/errors.ts'

import type { FromHolder, ToHolder } from './holder-protocol.ts'

/** Whether this Node can bind a socket without listening on it. */
export function canHoldSockets(): boolean {
  return 'BoundSocket' in net
}

export interface SocketHolderOptions {
  /** The kernel spreads connections over sockets of one port. */
  readonly sharesPorts: boolean
  /** A worker said that it accepts nobody any more. */
  readonly onLeaving: (child: ChildProcess) => void
}

interface Held {
  port: number
  readonly sockets: Socket[]
  /** Who accepts in whose place, by the index of the socket. */
  readonly borrowers: Map<number, Worker>
}

interface Worker {
  readonly child: ChildProcess
  readonly place: number
  /** What it accepts on; null until it has said so. */
  keys: Set<string> | null
}

export class SocketHolder {
  readonly #options: SocketHolderOptions
  readonly #held = new Map<string, Held>()
  readonly #workers = new Map<ChildProcess, Worker>()
  #places: number
  #isClosed = false

  constructor(places: number, options: SocketHolderOptions) {
    this.#places = places
    this.#options = options
  }

  /** Workers that are started from now on divide the sockets into so many places. */
  set places(count: number) {
    this.#places = count
  }

  /** The child accepts at this place from now on, whoever else does. */
  serve(child: ChildProcess, place: number): void {
    const worker: Worker = { child, place, keys: null }
    this.#workers.set(child, worker)
    child.on('message', (message) => this.#onMessage(worker, message as ToHolder))
    child.on('exit', () => this.#part(child))
    child.on('error', () => this.#part(child))
  }

  /** The workers are the last to accept. */
  close(): void {
    this.#isClosed = true
    for (const key of this.#held.keys()) this.#close(key)
  }

  #onMessage(worker: Worker, message: ToHolder): void {
    // One that is leaving asks for nothing.
    if (!this.#workers.has(worker.child)) return
    switch (message.kind) {
      case 'open':
        this.#open(worker, message)
        return
      case 'using':
        worker.keys = new Set(message.keys)
        this.#closeUnused()
        this.#settle()
        return
      case 'leaving':
        this.#part(worker.child)
        this.#options.onLeaving(worker.child)
        return
      case 'alive':
    }
  }

  #part(child: ChildProcess): void {
    if (!this.#workers.delete(child)) return
    this.#settle()
  }

  #open(worker: Worker, { key, address, port }: Extract<ToHolder, { kind: 'open' }>): void {
    worker.keys?.add(key)
    try {
      if (this.#isClosed) throw new Error('the process that holds the sockets is ending')
      const held = this.#hold(key, address, port)
      for (const [index, socket] of held.sockets.entries()) {
        if (this.#isAtPlace(worker, index)) send(worker, { kind: 'socket', key, index }, socket)
      }
      send(worker, { kind: 'opened', key, port: held.port })
    } catch (error) {
      send(worker, { kind: 'failed', key, error: messageOf(error) })
    }
  }

  #hold(key: string, address: string, port: number): Held {
    const held: Held = this.#held.get(key) ?? { port, sockets: [], borrowers: new Map() }
    while (held.sockets.length < this.#socketCount()) {
      const bound = new net.BoundSocket({ host: address, port: held.port, reusePort: this.#options.sharesPorts })
      const at = bound.address()
      if (typeof at !== 'string') held.port = at.port
      held.sockets.push(new net.Socket({ handle: bound }))
      this.#held.set(key, held)
    }
    return held
  }

  #socketCount(): number {
    return this.#options.sharesPorts ? this.#places : 1
  }

  #isAtPlace({ place }: Worker, index: number): boolean {
    return !this.#options.sharesPorts || index % this.#places === place
  }

  /** Lends what nobody accepts on, and takes back what its own worker accepts on again. */
  #settle(): void {
    const workers = [...this.#workers.values()]
    for (const [key, { sockets, borrowers }] of this.#held) {
      const serving = workers.filter(({ keys }) => keys?.has(key) === true)
      for (const [index, socket] of sockets.entries()) {
        const isServed = serving.some((worker) => this.#isAtPlace(worker, index))
        const before = borrowers.get(index)
        const isLent = before !== undefined && serving.includes(before)
        if (before !== undefined && (isServed || !isLent)) {
          borrowers.delete(index)
          send(before, { kind: 'give-back', key, index })
        }
        const [borrower] = serving
        if (isServed || isLent || borrower === undefined) continue
        borrowers.set(index, borrower)
        send(borrower, { kind: 'socket', key, index }, socket)
      }
    }
  }

  /** Once every worker has said what it uses: one that has just started may want what the others do. */
  #closeUnused(): void {
    const workers = [...this.#workers.values()]
    if (workers.some(({ keys }) => keys === null)) return
    for (const key of this.#held.keys()) {
      if (!workers.some(({ keys }) => keys?.has(key) === true)) this.#close(key)
    }
  }

  #close(key: string): void {
    for (const socket of this.#held.get(key)?.sockets ?? []) socket.destroy()
    this.#held.delete(key)
    for (const worker of this.#workers.values()) send(worker, { kind: 'closed', key })
  }
}

/** A worker that is gone by now gets nothing; its end is noticed by itself. */
function send({ child }: Worker, message: FromHolder, socket?: Socket): void {
  if (!child.connected) return
  if (socket === undefined) child.send(message, () => {})
  else child.send(message, socket, { keepOpen: true }, () => {})
}
