/** Durations of manifests as timers take them. */
import { parseDurationMs } from '../../../base/duration.ts'

/** The longest time of a timer, 24 days: as good as never. */
export const DURATION_MS_MAX = 2_147_483_647

/** Whole milliseconds. 0 stays 0; what is above it does not become 0. */
export function durationMs(text: string | undefined, otherwise: number): number {
  const ms = parseDurationMs(text ?? '') ?? otherwise
  return ms === 0 ? 0 : Math.min(Math.max(1, Math.round(ms)), DURATION_MS_MAX)
}
