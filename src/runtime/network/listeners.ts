/** The listening TCP sockets of this machine, as /proc tells, and which of them the kernel picks for a connection. */
import { closeSync, openSync, readSync } from 'node:fs'
import { codeOf } from '../../base/errors.ts'

export interface Listener {
  /** `127.23.0.5`, `0.0.0.0`; of IPv6 only `::`, which may answer IPv4 too. An IPv4 address in IPv6 form is IPv4. */
  readonly address: string
  readonly port: number
  readonly inode: number
}

/** TCP_LISTEN. */
const LISTEN = '0A'
const CHUNK_BYTES = 64 * 1024
/** The groups of an IPv6 address in the kernel's form that say: an IPv4 address follows. */
const MAPPED_IPV4 = '0000000000000000FFFF0000'

export function readListeners(): readonly Listener[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => parseListeners(listeningPart(file)))
}

/** `table` is the text of /proc/net/tcp or tcp6, or its beginning. */
export function parseListeners(table: string): readonly Listener[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/)
      const [, local = '', , state] = fields
      const inode = fields[9]
      if (state !== LISTEN || inode === undefined) return []
      const [host = '', port = ''] = local.split(':')
      const address = addressOf(host)
      return address === undefined ? [] : [{ address, port: Number.parseInt(port, 16), inode: Number(inode) }]
    })
}

/** Hexadecimal in the machine's byte order: 127.23.0.1 is 0100177F on little-endian machines. */
function addressOf(host: string): string | undefined {
  if (host.length > 8) {
    if (/^0+$/.test(host)) return '::'
    return host.startsWith(MAPPED_IPV4) ? addressOf(host.slice(MAPPED_IPV4.length)) : undefined
  }
  return [6, 4, 2, 0].map((at) => Number.parseInt(host.slice(at, at + 2), 16)).join('.')
}

/**
 * The listeners one of which gets a connection to an IPv4 address: the kernel prefers the exact address to all
 * addresses, and of the latter IPv4 to IPv6 (inet_lookup_listener, compute_score). Several share it (SO_REUSEPORT).
 */
export function answering(listeners: readonly Listener[], address: string, port: number): readonly Listener[] {
  const there = listeners.filter((listener) => listener.port === port)
  const ranks = [address, '0.0.0.0', '::'].map((wanted) => there.filter((listener) => listener.address === wanted))
  return ranks.find((rank) => rank.length > 0) ?? []
}

/** The kernel lists listening sockets first; what comes after them, which may be long, is not read. */
function listeningPart(file: string): string {
  const table = open(file)
  if (table === undefined) return ''
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
    let text = ''
    for (let length = 1; length > 0;) {
      length = readSync(table, buffer)
      text += buffer.toString('latin1', 0, length)
      if (hasOtherState(text)) break
    }
    return text
  } finally {
    closeSync(table)
  }
}

function hasOtherState(text: string): boolean {
  const end = text.lastIndexOf('\n')
  const last = text.slice(text.lastIndexOf('\n', end - 1) + 1, end)
  const state = last.trim().split(/\s+/)[3]
  return state !== undefined && state !== LISTEN && state !== 'st'
}

function open(file: string): number | undefined {
  try {
    return openSync(file, 'r')
  } catch (error) {
    // A machine without IPv6.
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
