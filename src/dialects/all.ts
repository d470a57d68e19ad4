/** The languages that Sluice speaks. Adding one is adding its folder and a line here; only `main` imports this list. */
import { kubernetesKinds } from '../kinds/registry.ts'
import type { Kind } from '../kinds/kind.ts'
import { releaseKindFor } from '../kinds/release.ts'
import { gloo } from './gloo/gloo.ts'
import type { RoutingDialect } from './routing-dialect.ts'
import type { RouteShift } from './traffic-shift.ts'

export const dialects: readonly RoutingDialect[] = [gloo]

export const shifts: readonly RouteShift[] = dialects.flatMap((dialect) => dialect.shifts)

/** Every kind that is served. */
export const kinds: readonly Kind[] = [
  ...kubernetesKinds,
  ...dialects.flatMap((dialect) => dialect.kinds),
  releaseKindFor(shifts.map(({ type }) => type)),
]
