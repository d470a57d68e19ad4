/** What the verbs need: given once by the server, the same for every request. */
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Random } from '../../base/random.ts'
import type { AddressPool } from '../../kinds/admission.ts'
import type { Store } from '../storage/store.ts'
import type { Registry } from './registry.ts'

export interface ApiContext {
  /** What is served now: it may be another one after a wait. */
  readonly registry: Registry
  readonly store: Store
  readonly serviceAddresses: AddressPool
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** How a write was asked for: the query parameters that all writes share, and what the server learned on the way. */
export interface WriteRequest {
  readonly dryRun: boolean
  readonly fieldValidation: 'Ignore' | 'Warn' | 'Strict'
  /** Who writes, for managedFields: `fieldManager`, or the user agent up to the first `/`. */
  readonly manager: string
  /** Collects what goes out as `Warning` headers. */
  readonly warn: (message: string) => void
}
