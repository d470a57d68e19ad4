/**
 * The pod network: one 127.N.0.0/16 of the loopback range per Sluice, claimed machine-wide, so that several on one
 * machine never share an address. Pods get the lower half, Services (ClusterIPs) the upper. Linux answers on all of
 * 127/8 without any set-up.
 */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { claimPrefix, rememberedNetwork, withClaimLock } from './network/claim.ts'
import { prefixesInUse } from './network/in-use.ts'

export interface PodNetwork {
  /** `127.23` */
  readonly prefix: string
  /** Where pods live: `127.23.0.0/17`. */
  readonly podCidr: string
  /** Where ClusterIPs come from: `127.23.128.0/17`. */
  readonly serviceCidr: string
  /** A pod address that nothing uses; an address is not given out again soon after its release. */
  allocate(): string
  /** Takes an address that a pod of an earlier run holds. False: not of this network, or taken. */
  reserve(address: string): boolean
  release(address: string): void
}

export interface ClaimOptions {
  /** Absolute; the claim is stale once this folder, or its memory of the network, is gone. */
  readonly dataDir: string
  readonly clock: Clock
  /** Where the claims of all Sluices of this user on this machine lie. */
  readonly claimsDir?: string
  readonly platform?: NodeJS.Platform
  /** The N of the networks on which somebody listens already: as /proc tells, when absent. */
  readonly inUse?: () => ReadonlySet<number>
}

const FIRST = 16
const LAST = 254
const POD_ADDRESSES = 128 * 256

class NetworkError extends Error {
  override readonly name = 'NetworkError'
  readonly code: 'UNSUPPORTED_PLATFORM' | 'NO_FREE_NETWORK' | 'NO_FREE_ADDRESS'

  constructor(code: NetworkError['code'], message: string) {
    super(message)
    this.code = code
  }
}

export async function claimNetwork(options: ClaimOptions): Promise<PodNetwork> {
  const { clock, claimsDir = defaultClaimsDir(), platform = process.platform, inUse = prefixesInUse } = options
  if (platform !== 'linux') {
    throw new NetworkError(
      'UNSUPPORTED_PLATFORM',
      `Cannot give pods their own addresses on "${platform}": only Linux answers on all of 127.0.0.0/8. ` +
        'Run Sluice on Linux, in WSL or in a Linux container.',
    )
  }
  const dataDir = resolve(options.dataDir)
  mkdirSync(dataDir, { recursive: true })
  mkdirSync(claimsDir, { recursive: true, mode: 0o700 })
  const number = await withClaimLock(claimsDir, clock, () => claimAny(dataDir, claimsDir, inUse))
  return new LoopbackNetwork(number)
}

function claimAny(dataDir: string, claimsDir: string, inUse: () => ReadonlySet<number>): number {
  const remembered = rememberedNetwork(dataDir) ?? 0
  const isOurs = remembered >= FIRST && remembered <= LAST
  if (isOurs && claimPrefix(claimsDir, remembered, dataDir)) return remembered
  const foreign = inUse()
  const number = candidates(dataDir).find((next) => !foreign.has(next) && claimPrefix(claimsDir, next, dataDir))
  if (number !== undefined) return number
  throw new NetworkError(
    'NO_FREE_NETWORK',
    `Cannot claim a pod network: all of 127.${FIRST} to 127.${LAST} are taken by other data directories of Sluice ` +
      `(see ${claimsDir}). Delete the data directories you no longer need.`,
  )
}

/** All networks, beginning at one that depends on the data directory: two of them seldom want the same. */
function candidates(dataDir: string): readonly number[] {
  const count = LAST - FIRST + 1
  const first = createHash('sha256').update(dataDir).digest().readUInt32BE(0) % count
  return Array.from({ length: count }, (_, index) => FIRST + ((first + index) % count))
}

function defaultClaimsDir(): string {
  return join(tmpdir(), `sluice-networks-${userInfo().uid}`)
}

class LoopbackNetwork implements PodNetwork {
  readonly prefix: string
  readonly podCidr: string
  readonly serviceCidr: string
  readonly #taken = new Set<number>()
  #last = 0

  constructor(number: number) {
    this.prefix = `127.${number}`
    this.podCidr = `${this.prefix}.0.0/17`
    this.serviceCidr = `${this.prefix}.128.0/17`
  }

  allocate(): string {
    for (let step = 1; step < POD_ADDRESSES; step++) {
      const index = (this.#last + step) % POD_ADDRESSES
      if (!isHostPart(index) || this.#taken.has(index)) continue
      this.#taken.add(index)
      this.#last = index
      return `${this.prefix}.${index >> 8}.${index & 255}`
    }
    throw new NetworkError('NO_FREE_ADDRESS', `Cannot give the pod an address: all of ${this.podCidr} are in use`)
  }

  reserve(address: string): boolean {
    const index = this.#indexOf(address)
    if (index === undefined || this.#taken.has(index)) return false
    this.#taken.add(index)
    this.#last = Math.max(this.#last, index)
    return true
  }

  release(address: string): void {
    const index = this.#indexOf(address)
    if (index !== undefined) this.#taken.delete(index)
  }

  #indexOf(address: string): number | undefined {
    const match = new RegExp(`^${this.prefix.replace('.', '\\.')}\\.(\\d{1,3})\\.(\\d{1,3})$`).exec(address)
    if (match === null) return undefined
    const index = Number(match[1]) * 256 + Number(match[2])
    return index < POD_ADDRESSES ? index : undefined
  }
}

/** Not `.0` and `.255`, which programs take for a network's own addresses. */
function isHostPart(index: number): boolean {
  const host = index & 255
  return host !== 0 && host !== 255
}
