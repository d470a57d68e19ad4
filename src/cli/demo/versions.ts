/** What is shown of each version. */
import type { Counts } from './checks.ts'
import type { VersionView } from '../live/versions.ts'

/** Every version that has pods or a share, with what is configured and what is observed. Pure. */
export function versionViews(
  pods: ReadonlyMap<string, { readonly ready: number; readonly wanted: number }>,
  percents: Counts,
  observed: Counts,
): readonly VersionView[] {
  const total = Object.values(observed).reduce((sum, count) => sum + count, 0)
  const names = [...new Set([...pods.keys(), ...Object.keys(percents)])].filter((name) => name !== '').toSorted()
  const isSplit = Object.keys(percents).length > 0
  return names
    .map((name) => ({
      name,
      readyPods: pods.get(name)?.ready ?? 0,
      wantedPods: pods.get(name)?.wanted ?? 0,
      configuredPercent: isSplit ? (percents[name] ?? 0) : undefined,
      observedPercent: total === 0 ? undefined : ((observed[name] ?? 0) * 100) / total,
      observedRequests: observed[name] ?? 0,
    }))
    .filter(
      ({ readyPods, wantedPods, configuredPercent }) => readyPods + wantedPods > 0 || (configuredPercent ?? 0) > 0,
    )
}
