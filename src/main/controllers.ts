/** Every controller of a standalone Sluice, started together and stopped together. */
import { runReleaseController } from '../controllers/release.ts'
import type { ReleaseControllerDeps } from '../controllers/release.ts'
import { runRoutingController } from '../controllers/routing.ts'
import type { RoutingDeps } from '../controllers/routing.ts'
import { runWorkloadControllers } from '../controllers/workloads.ts'
import { dialects, kinds, shifts } from '../dialects/all.ts'

/** Runs until the signal aborts; resolves once nothing is under way any more. */
export async function runControllers(
  deps: Omit<RoutingDeps, 'dialects'> & Omit<ReleaseControllerDeps, 'shifts'>,
): Promise<void> {
  await Promise.all([
    runWorkloadControllers({ ...deps, types: kinds.map(({ type }) => type) }),
    runRoutingController({ ...deps, dialects }),
    runReleaseController({ ...deps, shifts }),
  ])
}
