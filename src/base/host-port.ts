/** How an address is written where a port follows it (RFC 3986 §3.2.2). */

/** `10.0.0.1:80`, `[::1]:80`; '' for an address that is not known. */
export function hostPort(address: string, port: number | string): string {
  return address === '' ? '' : `${bracketed(address)}:${port}`
}

/** An address as its sockets know it: a listener on `::` sees clients of IPv4 under a prefix that nobody else expects. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:/, '')
}

/** An address of IPv6 in brackets, anything else as it is. */
export function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
