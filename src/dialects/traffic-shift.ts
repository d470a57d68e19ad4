/**
 * How a release edits the objects of a dialect. Each dialect's `shift.ts` implements this for its objects; the release
 * controller knows nothing else about them. All functions are pure.
 */
import type { Diagnostic } from '../base/diagnostic.ts'
import type { KubeObject } from '../kube/object.ts'
import type { RouteForm } from '../release/model.ts'

/** On the route object: which release holds it, `namespace/name`. Another release keeps its hands off. */
export const CLAIM_ANNOTATION = 'sluice.dev/release'
/** The owned routes as they were, and what stable and canary mean here: enough to restore them without anything else. */
export const ORIGINAL_ANNOTATION = 'sluice.dev/release-original'
/** The form that was written last. */
export const FORM_ANNOTATION = 'sluice.dev/release-form'

export type ShiftObservation =
  | { readonly kind: 'held'; readonly by: string }
  /** Not held by this release yet, and it cannot be: what is wrong. */
  | { readonly kind: 'unfit'; readonly diagnostics: readonly Diagnostic[] }
  | {
      readonly kind: 'fit'
      readonly isClaimed: boolean
      /** What the object says exactly; null: neither a shift nor the final form (somebody edited it). */
      readonly form: RouteForm | null
      /** The canary's share over the owned routes, percent. */
      readonly shareMin: number
      readonly shareMax: number
    }

export interface ObserveOptions {
  /** The release has begun: weight on the canary is its own doing, also where somebody removed the notes about it. */
  readonly hasStarted: boolean
}

/** `T`: the route object. `C`: what else the dialect must know to find stable and canary in it. */
export interface TrafficShift<T extends KubeObject, C> {
  /** `release`: `namespace/name`. */
  observe(object: T, release: string, context: C, options: ObserveOptions): ShiftObservation
  /**
   * The object with this form, claimed by the release. Idempotent, and only the last form counts:
   * `shape(shape(x, a), b)` equals `shape(x, b)`. Edits by others to anything but the owned weights and matches stay.
   */
  shape(object: T, release: string, context: C, form: RouteForm): T
  /** The object as it is now, without any trace of the release. */
  release(object: T): T
}
