/** Which mirrors get copies of a route's requests. The shares are as exact as those of a split. */
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Mirror } from '../../routing/policy-model.ts'
import type { Split } from '../../routing/split.ts'
import type { KeptRequest } from './kept-request.ts'
import { MirrorRequest } from './mirror-request.ts'
import type { MirrorRequestOptions } from './mirror-request.ts'
import type { ListenerCounts } from '../cluster/destination-counters.ts'
import type { ServingCluster } from '../cluster/serving-cluster.ts'

import type { ShareOf } from '../policy/fault.ts'

/** Requests under way to a cluster beyond which it gets no copies. */
const MIRROR_REQUESTS_MAX = 1_000

export interface MirrorsDeps {
  readonly clock: Clock
  readonly log: Log
  /** The cluster with round-robin positions of its own: copies are not traffic. */
  readonly mirror: (cluster: string) => ServingCluster
}

interface ServingMirror {
  readonly cluster: ServingCluster
  readonly share: Split
}

export class ServingMirrors {
  readonly #mirrors: readonly ServingMirror[]
  readonly #deps: MirrorsDeps

  constructor(mirrors: readonly Mirror[], shareOf: ShareOf, deps: MirrorsDeps) {
    this.#deps = deps
    this.#mirrors = mirrors.map(({ cluster, share }, index) => ({
      cluster: deps.mirror(cluster),
      share: shareOf(`mirror ${index} ${cluster}`, share),
    }))
  }

  /** Those for the next request; null: none. Counts it: ask once. */
  choose(): readonly ServingCluster[] | null {
    const chosen = this.#mirrors.flatMap(({ cluster, share }) => (share.next() === 0 ? [cluster] : []))
    return chosen.length === 0 ? null : chosen
  }

  /** The request must be complete. */
  send(to: readonly ServingCluster[], { request, ...how }: Copied): void {
    const { clock, log } = this.#deps
    for (const cluster of to) {
      const active = cluster.endpoints.reduce((sum, { pool }) => sum + pool.active, 0)
      if (active >= MIRROR_REQUESTS_MAX) countLost(cluster, how.counts)
      else new MirrorRequest(cluster, { ...how, request: request.copy(shadowed), clock, log }).start()
    }
  }
}

interface Copied extends Pick<MirrorRequestOptions, 'method' | 'counts' | 'monotonicMs'> {
  readonly request: KeptRequest
}

/** A copy that was not sent. */
export function countLost({ unreached }: ServingCluster, counts: ListenerCounts): void {
  unreached.of(counts).count({ status: 0, flag: 'UO', durationMs: 0, requestBytes: 0, responseBytes: 0 })
}

/** The head of the copy: `example.com:80` becomes `example.com-shadow:80`, as Envoy has it; who names no host has no shadow. */
function shadowed(head: string): string {
  return head.replace(/\r\nhost:[ \t]*([^\r \t:][^\r]*?)(:[0-9]+)?[ \t]*\r\n/i, '\r\nhost: $1-shadow$2\r\n')
}
