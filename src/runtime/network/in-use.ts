/** The loopback networks on which somebody listens already: claims of other users cannot be seen, sockets can. */
import { readFileSync } from 'node:fs'

/** The N of every 127.N.x.x with a listening TCP socket, whoever owns it. */
export function prefixesInUse(): ReadonlySet<number> {
  return listeningPrefixes(readFileSync('/proc/net/tcp', 'utf8'))
}

/** `table` is the text of /proc/net/tcp. */
export function listeningPrefixes(table: string): ReadonlySet<number> {
  const numbers = new Set<number>()
  for (const line of table.split('\n').slice(1)) {
    const [, local = '', , state] = line.trim().split(/\s+/)
    // Addresses are hexadecimal in the machine's byte order: 127.23.0.1 is 0100177F on little-endian machines.
    if (state !== '0A' || !local.startsWith('7F', 6)) continue
    numbers.add(Number.parseInt(local.slice(4, 6), 16))
  }
  return numbers
}
