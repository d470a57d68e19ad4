/**
 * The release model: what to do (Plan), how far it is (ReleaseState), what the world looks like (World) and what to do
 * next (Effect). Plain JSON throughout; it knows no API object and no dialect. The targets form one train: a step is
 * live when the routes of all of them are, one set of gates holds for all, and they go back in reverse order.
 */

// ---- the plan

export interface Plan {
  /** `echo/echo-v3`: for messages. */
  readonly name: string
  /** In order of dependency: shifted first to last, taken back last to first. */
  readonly targets: readonly TargetPlan[]
  /** Never empty; the last one has weight 100. */
  readonly steps: readonly StepPlan[]
  readonly onFailure: OnFailure
  /** `RequireReady`: not before stable has a ready endpoint. */
  readonly onStart: { readonly stable: 'RequireReady' | 'AllowUnready' }
  readonly onSuccess: { readonly stable: 'ScaleToZero' | 'Delete' | 'Keep' }
  /** How long any wait that is not for a person may take without progress. */
  readonly deadlineMs: number
  /** A person holds it where it is: nothing goes further, but what fails still goes back. */
  readonly isPaused: boolean
}

export interface OnFailure {
  readonly action: 'Rollback' | 'Pause'
  readonly canary: 'ScaleToZero' | 'Keep'
}

export interface TargetPlan {
  readonly name: string
  /** How the parts are called in messages: `Deployment echo/echo-v2`, `VirtualService gloo-system/echo`. */
  readonly stable: string
  readonly canary: string
  readonly routes: readonly string[]
  /** `Proportional`: the engine keeps the canary's replicas at or above its share of the traffic. */
  readonly scaling: 'Proportional' | 'Manual'
}

export interface StepPlan {
  readonly name: string
  readonly shift: Shift
  readonly gates: readonly Gate[]
}

/** How traffic is split between stable and canary. */
export interface Shift {
  /** Percent, whole. */
  readonly canaryWeight: number
  /** Requests that meet one of these get the canary, whatever the weight. */
  readonly matches: readonly RequestMatch[]
}

/** All parts must hold. */
export interface RequestMatch {
  readonly headers: readonly ValueMatch[]
  readonly queryParams: readonly ValueMatch[]
}

export interface ValueMatch {
  readonly name: string
  readonly type: 'Exact' | 'RegularExpression' | 'Present'
  /** Empty for `Present`. */
  readonly value: string
}

export type Gate =
  | { readonly kind: 'approval' }
  | { readonly kind: 'wait'; readonly durationMs: number }
  | ({ readonly kind: 'metrics' } & MetricsGate)

export interface MetricsGate {
  readonly minRequests: number
  /** Percent of requests without a failure. */
  readonly successRateMin?: number
  readonly latency?: { readonly percentile: number; readonly maxMs: number }
  readonly windowMs: number
}

// ---- the state

export interface ReleaseState {
  readonly stage: Stage
  /** What each target looked like when the release started; empty before. Same order as the plan's. */
  readonly baselines: readonly Baseline[]
  /** What the approval annotation said when it was taken, until it is gone: it must not count twice. */
  readonly takenApproval: string | null
  /** The revision of the canary that was seen last: approvals are for this one. */
  readonly revision?: string
  /** What people approved and no step has used yet. At most one for each step. */
  readonly approvals?: readonly Approval[]
  readonly history: readonly StepRecord[]
  /** The tries so far, newest last; bounded. Absent: none. */
  readonly attempts?: readonly AttemptRecord[]
  /** Requests of a person that were taken, until their annotations are gone. */
  readonly takenRequests?: PersonRequests
  /** Since when a person holds it; absent: not held. */
  readonly heldSinceMs?: number
  /** When it was last let go: deadlines count anew from here. */
  readonly resumedAtMs?: number
  /** The state before this one could not be read: whether the release had started is not known. */
  readonly isLost?: true
}

/** What a person may ask by an annotation, besides approving and aborting. */
export type PersonRequest = 'promote' | 'promote-full' | 'retry'
/** `promote`, `promote-full`: the step, `STEP` or `STEP@REVISION`; `retry`: why. */
export type PersonRequests = Readonly<Partial<Record<PersonRequest, string>>>

/** One try to bring one revision of the canary out. */
export interface AttemptRecord {
  /** From 1. */
  readonly number: number
  /** Of the canaries' pod templates, in the order of the targets. */
  readonly revision: string
  readonly startedAtMs: number
  readonly finishedAtMs?: number
  /** `Replaced`: another revision came before it had ended. */
  readonly outcome?: 'Succeeded' | 'RolledBack' | 'NeverStarted' | 'Replaced'
  readonly why?: string
}

export interface Approval {
  readonly step: string
  /** As the step was planned when it was approved. */
  readonly shift: Shift
  readonly revision: string
}

export interface Baseline {
  /** At least 1: what "all stable" means. */
  readonly stableReplicas: number
  readonly stableUid: string
  /** The canary's pod template; another one starts the release over. */
  readonly canaryRevision: string
}

export type Stage =
  | PendingStage
  | StepStage
  | PausedStage
  | PromotingStage
  | RollingBackStage
  | { readonly kind: 'succeeded'; readonly atMs: number }
  | {
      readonly kind: 'rolled-back'
      readonly atMs: number
      readonly failure: Failure
      readonly failedRevisions?: readonly string[]
    }

export interface PendingStage {
  readonly kind: 'pending'
  readonly sinceMs: number
  /** Why it cannot start, as an event has told. */
  readonly obstacle?: string
}

export interface StepStage {
  readonly kind: 'step'
  readonly index: number
  readonly name: string
  /** The shift that the step had when it began; a plan with another one begins the step again. */
  readonly shift: Shift
  readonly sinceMs: number
  /** When there were pods enough and the first write was due. */
  readonly shiftingSinceMs: number | null
  /** When every route was acknowledged with this shift; the gates count from here. Null: not live (any more). */
  readonly liveAtMs: number | null
  /** Since when it is not live, and how long it had been so before: together bounded by the deadline. */
  readonly notLiveSinceMs: number
  readonly notLiveBeforeMs: number
  readonly approved: boolean
  /** When all gates but the metrics had passed: a metrics gate that learns nothing is bounded from here. */
  readonly othersPassedAtMs: number | null
  /** How often a live step stopped being live: because the canary lost its endpoints; because the route was edited. */
  readonly losses: number
  readonly edits: number
  /** A person passes this step, or this and all later ones, without its gates. */
  readonly promoted?: 'step' | 'full'
  /** An event has told that stable has no ready endpoint. */
  readonly stableLost?: true
  /** Stable had been scaled down and is needed again. */
  readonly restoreStable: boolean
}

export interface PausedStage {
  readonly kind: 'paused'
  readonly sinceMs: number
  /** The step to take up again; null: the release had not started. */
  readonly step: { readonly index: number; readonly name: string; readonly shift: Shift } | null
  readonly failure: Failure
}

export interface PromotingStage {
  readonly kind: 'promoting'
  readonly sinceMs: number
  /** `drain`: all traffic is on the canary, stable goes. `settle`: the routes take their final form. */
  readonly part: 'drain' | 'settle'
  readonly losses: number
}

export interface RollingBackStage {
  readonly kind: 'rolling-back'
  readonly sinceMs: number
  readonly failure: Failure
  /** Of each canary when the failure was decided; empty: it was never seen. Another one starts the release over. */
  readonly failedRevisions?: readonly string[]
}

export interface Failure {
  readonly kind: 'aborted' | 'deleted' | 'metrics' | 'deadline' | 'canary-lost' | 'routes-edited'
  /** What was seen, as a sentence. */
  readonly message: string
  /** The numbers behind it, where there were any. */
  readonly analysis?: AnalysisReport
}

export interface StepRecord {
  readonly name: string
  readonly startedAtMs: number
  readonly shiftingSinceMs?: number
  readonly liveAtMs?: number
  readonly finishedAtMs?: number
  readonly verdict?: string
}

// ---- the world

export interface World {
  /** Same order as the plan's targets. */
  readonly targets: readonly TargetWorld[]
  readonly metrics: readonly MetricsReading[]
  /** The steps that a person approves, by name or number: `STEP` or `STEP@REVISION`, several with commas between. */
  readonly approval?: string
  /** Why a person wants everything back. */
  readonly abort?: string
  readonly requests: PersonRequests
  readonly isDeleting: boolean
  readonly hasFinalizer: boolean
  /** Since when somebody has been looking without a break: no deadline passes because nobody looked. */
  readonly watchedSinceMs: number
}

export interface TargetWorld {
  readonly stable: WorkloadWorld
  readonly canary: WorkloadWorld
  readonly routes: readonly RouteWorld[]
}

export type WorkloadWorld =
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'present'
      readonly uid: string
      readonly revision: string
      /** Desired replicas. */
      readonly replicas: number
      /** Ready endpoints that every proxy may be sent to, not pods that say they are ready. */
      readonly ready: number
      /** What is seen of a pod that is not ready, where some is seen: `pod echo-v3-x: CrashLoopBackOff, exit 3`. */
      readonly reason?: string
    }

export type RouteWorld =
  | { readonly kind: 'missing' }
  /** Another release holds the object: hands off. */
  | { readonly kind: 'held'; readonly by: string }
  /** The shift cannot be said in this object: why, as a sentence. */
  | { readonly kind: 'unfit'; readonly reason: string }
  | {
      readonly kind: 'present'
      /** This release holds the object. */
      readonly isClaimed: boolean
      /** Exactly what the owned routes say, by the notes on the object: a shift, the final form, or (null) neither. */
      readonly form: RouteForm | null
      /** The canary's share over the owned routes, percent: lowest and highest. */
      readonly shareMin: number
      readonly shareMax: number
      /** Every proxy has acknowledged this generation of the object. */
      readonly isProgrammed: boolean
      /** Why the object was not accepted, where it was not. */
      readonly rejection?: string
    }

export type RouteForm = { readonly kind: 'shift'; readonly shift: Shift } | { readonly kind: 'promoted' }

/** What was counted for one metrics gate of the current step. */
export interface MetricsReading {
  readonly target: number
  /** Index in the step's gates. */
  readonly gate: number
  /** The gate's window, cut at the moment the step became live. */
  readonly window: WindowNumbers
  readonly sinceLive: WindowNumbers
}

/** The requests that one workload served in a span of time. */
export interface WindowNumbers {
  readonly requests: number
  /** Answered with 5xx, or not at all. */
  readonly failures: number
  /** Those of `requests` that were given up and sent again, so that their clients did not see them; absent: none. */
  readonly retried?: number
  /** `counts[i]` requests took at most `boundsMs[i]` and more than the bound before; one more count for the rest. */
  readonly latency: { readonly boundsMs: readonly number[]; readonly counts: readonly number[] }
}

/** Where the numbers come from. `toMs` is now. */
export type MetricsSource = (
  workload: { readonly namespace: string; readonly name: string },
  fromMs: number,
  toMs: number,
) => WindowNumbers

// ---- what to do

/**
 * Each is idempotent: lost, it is asked for again; done twice, it does no harm. Whoever runs them must have stored the
 * state that came with them first.
 */
export type Effect =
  | { readonly kind: 'add-finalizer' }
  | { readonly kind: 'remove-finalizer' }
  | { readonly kind: 'clear-approval'; readonly value: string }
  | { readonly kind: 'clear-request'; readonly request: PersonRequest | 'abort'; readonly value: string }
  | {
      readonly kind: 'scale'
      readonly target: number
      readonly side: 'stable' | 'canary'
      readonly replicas: number
    }
  | { readonly kind: 'delete-stable'; readonly target: number; readonly uid: string }
  /** Takes the object for this release, if it is not yet, and gives it this form. */
  | { readonly kind: 'shape-route'; readonly target: number; readonly route: number; readonly form: RouteForm }
  /** Gives the object up as it is. */
  | { readonly kind: 'release-route'; readonly target: number; readonly route: number }
  | ReleaseEvent

export interface ReleaseEvent {
  readonly kind: 'event'
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** What people see. */
export interface Report {
  readonly phase: 'Pending' | 'Progressing' | 'Paused' | 'Promoting' | 'RollingBack' | 'Succeeded' | 'RolledBack'
  readonly message: string
  readonly step?: StepReport
  /** Set while nothing but a person can bring the release further. */
  readonly waitsForPerson?: { readonly reason: string; readonly sinceMs: number }
  /** When the current wait ends by itself. */
  readonly waitsUntilMs?: number
  /** Percent of the traffic that the routes give to the canary. */
  readonly canaryWeight: number
  readonly analysis?: AnalysisReport
  /** It ended before it had touched anything: there was nothing to take back. */
  readonly neverStarted?: true
}

interface StepReport {
  /** From 0. */
  readonly index: number
  readonly state: 'WaitingForPods' | 'Shifting' | 'WaitingForApproval' | 'Waiting' | 'Analysing' | 'Finished' | 'Failed'
  readonly sinceMs: number
  readonly liveAtMs?: number
}

export interface AnalysisReport {
  readonly requests: number
  readonly failures: number
  /** Percent. */
  readonly successRate?: number
  readonly p99Ms?: number
  readonly verdict: string
}

export interface Advance {
  readonly state: ReleaseState
  readonly effects: readonly Effect[]
  /** When to look again even if nothing changed. */
  readonly wakeAtMs?: number
  readonly report: Report
}

export const NO_SHIFT: Shift = { canaryWeight: 0, matches: [] }

export function isSameShift(left: Shift, right: Shift): boolean {
  return left.canaryWeight === right.canaryWeight && JSON.stringify(left.matches) === JSON.stringify(right.matches)
}
