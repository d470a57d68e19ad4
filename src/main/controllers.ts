/** Every controller of a standalone Sluice, started together and stopped together. */
import { runReleaseController } from '../controllers/release.ts'
import type { ReleaseControllerDeps } from '../controllers/release.ts'
import { runRoutingController } from '../controllers/routing.ts'
import type { RoutingDeps } from '../controllers/routing.ts'
import { runWorkloadControllers } from '../controllers/workloads.ts'
import { kinds } from '../kinds/registry.ts'

/** Runs until the signal aborts; resolves once nothing is under way any more. */
export async function runControllers(deps: RoutingDeps & ReleaseControllerDeps): Promise<void> {
  await Promise.all([
    runWorkloadControllers({ ...deps, types: kinds.map(({ type }) => type) }),
    runRoutingController(deps),
    runReleaseController(deps),
  ])
}
