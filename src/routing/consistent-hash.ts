/**
 * Two ways to give every hash an owner so that few hashes change theirs when an owner comes or goes. Both depend on names and
 * weights only, not on the order of the owners. The ring moves the least; Maglev's table (Eisenbud et al., NSDI 2016) is
 * looked up in one step and shares out more evenly.
 */
import { hashText } from './hash.ts'

export interface HashOwner {
  /** Unique among the owners. */
  readonly name: string
  /** Positive. */
  readonly weight: number
}

export interface ConsistentHash {
  /** Index of the owner of the hash; with `step` the ones that stand in for it, in an order that is fixed per hash. */
  ownerOf(hash: number, step: number): number
}

/** With so many points per owner the shares are within some 6 % of the weights. */
const RING_POINTS_PER_OWNER = 256
const RING_POINTS_MAX = 262_144
/** More than there are owners; a point and a place are one whole number. */
const RING_PLACES = 2 ** 20
/** A prime, and Envoy's default: shares are exact to within one place of these. */
const MAGLEV_PLACES = 65_537
const SECOND_SEED = 0x5bd1e995

/** Owners are never empty. */
export function createHashRing(owners: readonly HashOwner[]): ConsistentHash {
  const { points, indexes } = ringPoints(owners)
  return {
    ownerOf(hash, step) {
      const at = firstAtLeast(points, hash) + step
      return indexes[at % indexes.length] ?? 0
    },
  }
}

interface Ring {
  readonly points: Uint32Array
  readonly indexes: Uint32Array
}

/** Sorted as numbers: the point, then the owner's place among the names. A quarter of a million objects would hold up requests. */
function ringPoints(owners: readonly HashOwner[]): Ring {
  const sum = owners.reduce((total, { weight }) => total + weight, 0)
  const total = Math.min(RING_POINTS_MAX, RING_POINTS_PER_OWNER * owners.length)
  const byName = owners
    .map(({ name, weight }, index) => ({ name, index, copies: Math.max(1, Math.round((total * weight) / sum)) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const keys = new Float64Array(byName.reduce((all, { copies }) => all + copies, 0))
  let at = 0
  for (const [place, { name, copies }] of byName.entries()) {
    for (let copy = 0; copy < copies; copy++) keys[at++] = hashText(`${name}#${copy}`) * RING_PLACES + place
  }
  keys.sort()
  return {
    points: Uint32Array.from(keys, (key) => Math.floor(key / RING_PLACES)),
    indexes: Uint32Array.from(keys, (key) => byName[key % RING_PLACES]?.index ?? 0),
  }
}

/** Index of the first of the sorted points that is not below the hash; their number where all are. */
function firstAtLeast(points: Uint32Array, hash: number): number {
  let low = 0
  let high = points.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((points[middle] ?? 0) < hash) low = middle + 1
    else high = middle
  }
  return low
}

/** Owners are never empty, and fewer than Maglev's places. */
export function createMaglev(owners: readonly HashOwner[]): ConsistentHash {
  const places = fillPlaces(owners)
  return { ownerOf: (hash, step) => places[(hash + step) % MAGLEV_PLACES] ?? 0 }
}

/** Each owner has a permutation of the places and takes its next free one whenever its weight has earned it a turn. */
function fillPlaces(owners: readonly HashOwner[]): Uint16Array {
  const heaviest = Math.max(...owners.map(({ weight }) => weight))
  const takers = owners
    .map(({ name, weight }, index) => ({
      name,
      index,
      share: weight / heaviest,
      earned: 0,
      next: hashText(name) % MAGLEV_PLACES,
      skip: (hashText(name, SECOND_SEED) % (MAGLEV_PLACES - 1)) + 1,
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const places = new Uint16Array(MAGLEV_PLACES).fill(FREE)
  for (let taken = 0; ;) {
    for (const taker of takers) {
      taker.earned += taker.share
      if (taker.earned < 1) continue
      taker.earned -= 1
      while (places[taker.next] !== FREE) taker.next = (taker.next + taker.skip) % MAGLEV_PLACES
      places[taker.next] = taker.index
      if (++taken === MAGLEV_PLACES) return places
    }
  }
}

const FREE = 0xffff
