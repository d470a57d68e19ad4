/**
 * How a release edits the objects of a dialect. Each dialect's `shift.ts` implements this for its objects; the release
 * controller knows nothing else about them. All functions are pure.
 */
import type { Diagnostic } from '../base/diagnostic.ts'
import type { KubeObject, ResourceType } from '../kube/object.ts'
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

type Labels = Readonly<Record<string, string>>

/** What a shift may know besides the route object. */
export interface ShiftContext {
  /** Of both workloads. */
  readonly namespace: string
  /** The labels of their pod templates. */
  readonly stableLabels: Labels
  readonly canaryLabels: Labels
  /** For messages: `Deployment echo/echo-v2`. */
  readonly stableName: string
  readonly canaryName: string
  readonly objects: ShiftObjects
}

/** The objects of the types that the shift reads. */
interface ShiftObjects {
  /** All namespaces when none is given. */
  list<T extends KubeObject>(type: ResourceType<T>, namespace?: string): readonly T[]
}

/** How a release edits one kind of route objects. */
export interface RouteShift<T extends KubeObject = KubeObject> {
  readonly type: ResourceType<T>
  /** What else it must see to find stable and canary in the object. */
  readonly reads: readonly ResourceType[]
  /** `release`: `namespace/name`. */
  observe(object: T, release: string, context: ShiftContext, options: ObserveOptions): ShiftObservation
  /**
   * The object with this form, claimed by the release. Idempotent, and only the last form counts:
   * `shape(shape(x, a), b)` equals `shape(x, b)`. Edits by others to anything but the owned weights and matches stay.
   */
  shape(object: T, release: string, context: ShiftContext, form: RouteForm): T
  /** The object as it is now, without any trace of the release. */
  release(object: T): T
}
