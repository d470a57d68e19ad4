/**
 * Whose program answers on a pod's address. All pods share the loopback network: a program that listens on all
 * addresses answers on those of other pods too, wherever these do not listen themselves. So a connection proves
 * nothing about a pod until the listening socket was found among the pod's own processes.
 */
import { connect } from 'node:net'
import { systemClock } from '../../base/clock.ts'
import { runningProcesses } from '../../base/process-identity.ts'
import type { ProcessStat } from '../../base/process-identity.ts'
import { containerOf, holdsSocket, programOf } from '../process/container-processes.ts'
import type { ContainerIdentity } from '../process/container-processes.ts'
import { answering, readListeners } from './listeners.ts'
import type { Listener } from './listeners.ts'

export type Answer = { readonly kind: 'nobody' } | { readonly kind: 'own' } | ({ readonly kind: 'stranger' } & Stranger)

/** Whose program it is, if not the pod's own. */
export interface Stranger {
  /** `pod orders-v1`, `process 4711 (node)`. */
  readonly who: string
  readonly isPod: boolean
}

/** A pod with its running containers. */
export interface PortUser {
  readonly namespace: string
  readonly name: string
  readonly ip: string
  readonly running: readonly ContainerIdentity[]
}

interface Owner {
  /** The container that listens, and its pod; undefined for what is no pod of ours. */
  readonly container: ContainerIdentity | undefined
  readonly user: PortUser | undefined
  readonly process: string
  readonly foundAtMs: number
}

/**
 * Reading the kernel's tables takes milliseconds of real time. So old they may still prove that a pod answers itself …
 */
const PROOF_AGE_MS_MAX = 500
/** … and so old that it does not. */
const DOUBT_AGE_MS_MAX = 20
/** A stranger is searched for again after this time. */
const STRANGER_AGE_MS_MAX = 5000
/** On loopback a connection is accepted or refused at once. */
const CONNECT_MS_MAX = 1000

export class PortOwners {
  readonly #users: () => readonly PortUser[]
  readonly #owners = new Map<number, Owner>()
  #listeners: readonly Listener[] = []
  #readAtMs = Number.NEGATIVE_INFINITY

  /** `users` tells every pod on this machine. */
  constructor(users: () => readonly PortUser[]) {
    this.#users = users
  }

  /** Who answers connections to the pod's address and port. */
  async answer(user: PortUser, port: number): Promise<Answer> {
    for (const ageMs of [PROOF_AGE_MS_MAX, DOUBT_AGE_MS_MAX]) {
      const found = answering(this.#table(ageMs), user.ip, port)
      const strange = found.filter(({ inode }) => !this.#isOwn(inode, user))
      if (found.length > 0 && strange.length === 0) return { kind: 'own' }
      const [first] = strange
      if (ageMs !== DOUBT_AGE_MS_MAX || first === undefined) continue
      // An IPv6 socket may be for IPv6 alone, which the table does not tell.
      if (first.address === '::' && !(await accepts(user.ip, port))) break
      return { kind: 'stranger', ...this.#describe(first.inode, user) }
    }
    return { kind: 'nobody' }
  }

  /** Who else listens on the port, on whatever address: what a program that wants all addresses collides with. */
  holder(user: PortUser, port: number): Stranger | undefined {
    const holders = this.#table(DOUBT_AGE_MS_MAX).filter((listener) => listener.port === port)
    const other = holders.find(({ inode }) => !this.#isOwn(inode, user))
    return other === undefined ? undefined : this.#describe(other.inode, user)
  }

  #table(ageMs: number): readonly Listener[] {
    const nowMs = systemClock.now()
    if (nowMs - this.#readAtMs <= ageMs) return this.#listeners
    this.#listeners = readListeners()
    this.#readAtMs = nowMs
    const inodes = new Set(this.#listeners.map(({ inode }) => inode))
    for (const inode of this.#owners.keys()) if (!inodes.has(inode)) this.#owners.delete(inode)
    return this.#listeners
  }

  #isOwn(inode: number, user: PortUser): boolean {
    const known = this.#owners.get(inode)
    if (known?.container !== undefined && has(user, known.container)) return true
    // Most programs listen in their first process: that is seen without a look at all others.
    const container = user.running.find(({ first }) => holdsSocket(first.pid, inode))
    if (container === undefined) return has(user, this.#owner(inode, user).container)
    const process = describeProcess(container.first.pid)
    this.#owners.set(inode, { container, user, process, foundAtMs: systemClock.now() })
    return true
  }

  #owner(inode: number, asking: PortUser): Owner {
    const nowMs = systemClock.now()
    const known = this.#owners.get(inode)
    if (known !== undefined && nowMs - known.foundAtMs <= STRANGER_AGE_MS_MAX) return known
    const owner = { ...this.#search(inode, asking), foundAtMs: nowMs }
    this.#owners.set(inode, owner)
    return owner
  }

  #search(inode: number, asking: PortUser): Omit<Owner, 'foundAtMs'> {
    const processes = runningProcesses()
    const holder = likelyFirst(processes, asking).find(({ pid }) => holdsSocket(pid, inode))
    if (holder === undefined) {
      return { container: undefined, user: undefined, process: 'a process of another user' }
    }
    const users = this.#users()
    const containers = users.flatMap(({ running }) => running)
    const container = containerOf(holder.pid, containers, processes)
    const user = users.find((one) => has(one, container))
    return { container, user, process: describeProcess(holder.pid) }
  }

  #describe(inode: number, asking: PortUser): Stranger {
    const { user, process } = this.#owner(inode, asking)
    if (user === undefined) return { who: process, isPod: false }
    const prefix = user.namespace === asking.namespace ? '' : `${user.namespace}/`
    return { who: `pod ${prefix}${user.name}`, isPod: true }
  }
}

function has({ running }: PortUser, container: ContainerIdentity | undefined): boolean {
  return container !== undefined && running.some(({ pidFile }) => pidFile === container.pidFile)
}

/** The processes in the sessions of the pod's containers, then all others. */
function likelyFirst(processes: readonly ProcessStat[], { running }: PortUser): readonly ProcessStat[] {
  const sessions = new Set(running.map(({ first }) => first.pid))
  const isLikely = ({ session }: ProcessStat): boolean => sessions.has(session)
  return [...processes.filter(isLikely), ...processes.filter((process) => !isLikely(process))]
}

function describeProcess(pid: number): string {
  return `process ${pid} (${programOf(pid)})`
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal: AbortSignal.timeout(CONNECT_MS_MAX) })
    const settle = (isOpen: boolean): void => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}
