/**
 * The endpoints of a cluster by how near they are to the data plane, and which share of the requests each distance gets: the
 * nearest everything as long as enough of them can be used, what they cannot take the next nearest (Envoy's rule for
 * priorities).
 *
 * What must stay true: the shares add up to 1, also where no endpoint can be used.
 */
import type { Nearness } from '../../routing/explanation.ts'
import { DriftingSplit } from '../../routing/drifting-split.ts'
import type { Locality } from '../../routing/cluster-model.ts'

import { isUsable } from '../health/host-health.ts'
import type { HostHealth } from '../health/host-health.ts'

/** What is not known is not the same. */
export function nearnessOf(here: Locality | undefined, there: Locality | undefined): Nearness {
  if (here === undefined || there === undefined) return 'elsewhere'
  if (here.region === '' || here.region !== there.region) return 'elsewhere'
  if (here.zone === '' || here.zone !== there.zone) return 'same-region'
  return here.subzone === '' || here.subzone !== there.subzone ? 'same-zone' : 'same-subzone'
}

interface NearHost extends HostHealth {
  /** Address and port. */
  readonly name: string
}

export interface NearLevel {
  readonly nearness: Nearness
  /** Never empty. */
  readonly hosts: readonly NearHost[]
}

/** What `/clusters` tells of a distance. */
export interface NearLevelState {
  readonly nearness: Nearness
  readonly endpoints: readonly string[]
  /** How many of them are neither ejected nor unhealthy. */
  readonly usable: number
  /** Of the requests: 0 to 1. */
  readonly share: number
}

/** Goes on from one snapshot to the next as long as the levels have the same endpoints. */
export class NearLevels {
  readonly cluster: string
  #levels: readonly NearLevel[] = []
  #overprovisioning = 1
  /** How much has changed in the endpoints' health, as of the shares. */
  #seen = -1
  #changes: () => number = () => 0
  #shares: readonly number[] = []
  #split: DriftingSplit | null = null

  constructor(cluster: string) {
    this.cluster = cluster
  }

  /** The newest snapshot's. `changes` rises whenever an endpoint becomes usable or stops to be. */
  update(levels: readonly NearLevel[], overprovisioning: number, changes: () => number): void {
    this.#levels = levels
    this.#overprovisioning = overprovisioning
    this.#changes = changes
    this.#weigh()
  }

  /** In turn, exactly by the shares. */
  next(): number {
    this.#refresh()
    return this.#split?.next() ?? 0
  }

  /** Always the same for a hash while the shares are. */
  of(hash: number): number {
    this.#refresh()
    // Whoever balances within the level goes by the same hash: its bits are mixed, so that one says nothing of the other.
    let rest = (Math.imul(hash, 0x9e3779b1) >>> 0) / 2 ** 32
    for (const [level, share] of this.#shares.entries()) {
      if (rest < share) return level
      rest -= share
    }
    return this.#shares.findLastIndex((share) => share > 0)
  }

  get states(): readonly NearLevelState[] {
    this.#refresh()
    return this.#levels.map(({ nearness, hosts }, level) => ({
      nearness,
      endpoints: hosts.map(({ name }) => name),
      usable: usableOf(hosts),
      share: this.#shares[level] ?? 0,
    }))
  }

  #refresh(): void {
    if (this.#changes() !== this.#seen) this.#weigh()
  }

  #weigh(): void {
    this.#seen = this.#changes()
    const counts = this.#levels.map(({ hosts }) => ({ usable: usableOf(hosts), all: hosts.length }))
    this.#shares = levelShares(counts, this.#overprovisioning)
    if (this.#split === null) this.#split = new DriftingSplit(this.#shares)
    else this.#split.weigh(this.#shares)
  }
}

function usableOf(hosts: readonly NearHost[]): number {
  return hosts.reduce((sum, host) => sum + (isUsable(host) ? 1 : 0), 0)
}

/**
 * A level can take its usable share times the overprovisioning, at most everything. Where all together can take less than
 * everything, each gets its part of what they can; where none is usable, all by their numbers.
 */
export function levelShares(
  levels: readonly { readonly usable: number; readonly all: number }[],
  overprovisioning: number,
): number[] {
  const room = levels.map(({ usable, all }) => Math.min(1, (usable / all) * overprovisioning))
  const total = room.reduce((sum, each) => sum + each, 0)
  if (total === 0) {
    const count = levels.reduce((sum, { all }) => sum + all, 0)
    return levels.map(({ all }) => all / count)
  }
  if (total <= 1) return room.map((each) => each / total)
  let rest = 1
  return room.map((each) => {
    const share = Math.min(rest, each)
    rest -= share
    return share
  })
}
