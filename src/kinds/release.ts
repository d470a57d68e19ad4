/**
 * Kind Release: bring a new version out by moving traffic to it step by step, each step verified live before its
 * gates count. What its fields do is told in their descriptions; how it advances, in `src/release`.
 */
import { apiVersionOf } from '../kube/object.ts'
import type { ResourceType } from '../kube/object.ts'
import { ageColumn } from './age.ts'
import type { Column, Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { completeRelease, withDefaults } from './release/defaults.ts'
import { specSchema, statusSchema } from './release/schema.ts'
import type { Release, ReleaseStatus } from './release/types.ts'
import { validateRelease } from './release/validate.ts'
import { object, optional, required } from './schema.ts'

/**
 * The step whose approval gate a person lets pass: its name or number (from 1), and after an `@` the revision of the
 * canary that it is for (`status.canaryRevision`); without one, the revision that is there when the annotation is seen.
 * Several with commas between. Removed once taken.
 */
export const APPROVE_ANNOTATION = 'sluice.dev/approve'
/** Any value, the reason: takes all traffic back to stable. */
export const ABORT_ANNOTATION = 'sluice.dev/abort'
/** The current step, named as in an approval: it is passed without its gates. Removed once taken. */
export const PROMOTE_ANNOTATION = 'sluice.dev/promote'
/** The current step, named as in an approval: it and all later ones are passed without their gates. Removed once taken. */
export const PROMOTE_FULL_ANNOTATION = 'sluice.dev/promote-full'
/** Any value, the reason: a release that was taken back starts over. Removed once taken. */
export const RETRY_ANNOTATION = 'sluice.dev/retry'
/** Held while anything of the release is in the routes; its removal means that nothing is left behind. */
export const RELEASE_FINALIZER = 'sluice.dev/release'

/** Reason of the conditions and the event while the stored state cannot be read: only an abort or a deletion acts. */
export const STATE_UNREADABLE = 'StateUnreadable'

export { completeRelease }

export type {
  Release,
  ReleaseGate,
  ReleaseMatch,
  ReleaseMetricsGate,
  ReleaseRoute,
  ReleaseSpec,
  ReleaseStatus,
  ReleaseStep,
  ReleaseTarget,
} from './release/types.ts'

export const releases: ResourceType<Release> = {
  group: 'sluice.dev',
  version: 'v1alpha1',
  kind: 'Release',
  plural: 'releases',
  namespaced: true,
}

const columns: readonly Column<Release>[] = [
  column('Phase', ({ status }) => status?.phase ?? 'Pending'),
  column('Step', ({ status }) => stepCell(status)),
  column(
    'Weight',
    ({ status }) => weightCell(status),
    'Percent of traffic on the canary; in brackets what is observed, where that differs.',
  ),
  ageColumn,
  // The last: kubectl pads every other column to its longest cell, and this one holds sentences.
  column('Message', ({ status }) => status?.message ?? ''),
]

const kind: Omit<Kind<Release>, 'validate'> = {
  type: releases,
  singular: 'release',
  shortNames: ['rel'],
  categories: [],
  schema: object(
    {
      ...typeMeta,
      metadata: optional(objectMeta),
      spec: required(specSchema),
      status: optional(statusSchema),
    },
    { name: 'dev.sluice.v1alpha1.Release' },
  ),
  hasStatus: true,
  defaults: withDefaults,
  columns,
  requiresVersionOnUpdate: true,
  strategicPatch: false,
}

/** `routes`: the kinds of route objects that a language here can shift. */
export function releaseKindFor(routes: readonly ResourceType[]): Kind<Release> {
  const routeKinds = routes.map((type) => `${apiVersionOf(type)} ${type.kind}`)
  return { ...kind, validate: (release, old) => validateRelease(routeKinds, release, old) }
}

function column(name: string, cell: Column<Release>['cell'], description?: string): Column<Release> {
  return { name, type: 'string', priority: 0, cell, ...(description === undefined ? {} : { description }) }
}

/** `10`, or `10 (100 observed)` */
function weightCell(status: ReleaseStatus | undefined): string {
  const { canaryWeight = 0, observed } = status?.traffic ?? {}
  return observed === undefined ? `${canaryWeight}` : `${canaryWeight} (${observed.canaryWeight} observed)`
}

/** `2/4 ten-percent` */
function stepCell(status: ReleaseStatus | undefined): string {
  const step = status?.currentStep
  return step === undefined ? '' : `${step.index}/${step.total} ${step.name}`
}
