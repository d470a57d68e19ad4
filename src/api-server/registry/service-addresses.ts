/** The network that ClusterIPs come from. What is taken of it, the stored Services say. */
import type { Random } from '../../base/random.ts'
import type { AddressPool } from '../../kinds/admission.ts'

/** `network` in CIDR form, IPv4: `127.20.128.0/17`. Its first and last address are never given out. */
export function serviceAddresses(network: string, random: Random): AddressPool {
  const { first, size } = parseNetwork(network)
  // Next-fit from a random start: an address that was just released is not reused at once by another Service.
  let cursor = Math.floor(random() * (size - 2))
  return {
    contains: (address) => {
      const offset = toNumber(address) - first
      return offset > 0 && offset < size - 1
    },
    allocate: (taken) => {
      for (let tries = 0; tries < size - 2; tries++) {
        cursor = (cursor + 1) % (size - 2)
        const address = toAddress(first + 1 + cursor)
        if (!taken.has(address)) return address
      }
      return undefined
    },
  }
}

function parseNetwork(network: string): { first: number; size: number } {
  const [address = '', bits = ''] = network.split('/')
  const first = toNumber(address)
  const size = 2 ** (32 - Number(bits))
  if (!Number.isInteger(first) || !(size >= 8)) {
    throw new Error(`Cannot use the Service network "${network}": it must be an IPv4 network such as 127.20.128.0/17`)
  }
  return { first, size }
}

function toNumber(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}

function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join('.')
}
