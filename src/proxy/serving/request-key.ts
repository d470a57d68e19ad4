/** What of a request decides where it goes, in use: keys are read, hashed, and where a cookie is absent made up and set. */
import { hashText, randomHash } from '../../routing/hash.ts'
import type { RequestView } from '../../routing/match.ts'

import type { RequestKey } from '../cluster/prepared-key.ts'
import type { ServingCluster } from '../cluster/serving-cluster.ts'
import type { Split } from '../../routing/split.ts'
import type { ServingForward } from './serving-route.ts'

/** The keys of one request after the other. */
export class RequestKeys {
  readonly #client: { readonly clientAddress: string }
  readonly #newKey: () => string
  #request: RequestView | null = null
  #made = ''
  /** Of the route of the request; null: it leaves that to the cluster. */
  #routeKey: RequestKey | null = null
  /** Fields for the response: the cookies that were made up, each with its line end. */
  cookies = ''

  constructor(client: { readonly clientAddress: string }, newKey: () => string) {
    this.#client = client
    this.#newKey = newKey
  }

  reset(request: RequestView): void {
    this.#request = request
    this.#made = ''
    this.#routeKey = null
    this.cookies = ''
  }

  /** Index of the destination. A request without the key follows the exact sequence. */
  destinationOf({ affinity, hashKey }: ServingForward, split: Split): number {
    this.#routeKey = hashKey
    if (affinity === null) return split.next()
    const key = this.#keyOf(affinity.key)
    return key === '' ? split.next() : affinity.cohorts.of(hashText(key, affinity.seed))
  }

  /** What the cluster's chooser goes by: call it after `destinationOf`. */
  hashFor({ key, random }: ServingCluster): number {
    if (key === null) return 0
    const value = this.#keyOf(this.#routeKey ?? key)
    return value === '' ? randomHash(random) : hashText(value)
  }

  /** Empty: the request has none. */
  #keyOf({ read, cookie }: RequestKey): string {
    const sent = this.#request === null ? '' : (read(this.#request, this.#client.clientAddress) ?? '')
    if (sent !== '' || cookie === undefined) return sent
    // One cookie may serve the split and the balancing: it gets one value.
    if (this.#made === '') this.#made = this.#newKey()
    if (!this.cookies.includes(cookie.start)) this.cookies += cookie.start + this.#made + cookie.end
    return this.#made
  }
}
