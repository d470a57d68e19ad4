/**
 * The order in which a pod's containers are told to end (KEP-753): the containers first, together, then the sidecars,
 * which serve them, the last one first. All preStop hooks run at once. When the grace period is over, everybody ends.
 */
import type { ContainerRuntime } from './container-runtime.ts'
import { isSidecar } from './status.ts'

/** Resolves once nothing of the containers is left. */
export async function stopInOrder(containers: readonly ContainerRuntime[], graceOver: AbortSignal): Promise<void> {
  const sidecars = containers.filter(({ spec }) => isSidecar(spec))
  const others = containers.filter(({ spec }) => !isSidecar(spec))
  const stops = others.map((container) => container.stop(graceOver))
  let turn: Promise<unknown> = Promise.all(stops)
  for (const sidecar of sidecars.toReversed()) {
    const stop = sidecar.stop(graceOver, turn)
    stops.push(stop)
    turn = stop
  }
  await Promise.all(stops)
}
