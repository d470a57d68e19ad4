/** How long ago, as `kubectl get` shows it: always two significant units at most, coarser the older. */
import type { KubeObject } from '../kube/object.ts'
import type { Column } from './kind.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const YEAR_MS = 365 * DAY_MS

/** `5m30s` for the time since `timestamp` (RFC 3339); `<unknown>` without one. */
export function age(timestamp: string | undefined, nowMs: number): string {
  if (timestamp === undefined || timestamp === '') return '<unknown>'
  const atMs = Date.parse(timestamp)
  return Number.isNaN(atMs) ? '<invalid>' : formatAge(nowMs - atMs)
}

/** The API server's own steps: seconds below 2 min, then minutes and seconds, …, then years. */
export function formatAge(ageMs: number): string {
  // A timestamp has whole seconds, so "now" may seem to lie up to a second in the past of it; other clocks may differ.
  if (ageMs < -2 * SECOND_MS) return '<invalid>'
  if (ageMs < 0) return '0s'
  if (ageMs < 2 * MINUTE_MS) return `${whole(ageMs, SECOND_MS)}s`
  if (ageMs < 10 * MINUTE_MS) return twoUnits(ageMs, [MINUTE_MS, 'm'], [SECOND_MS, 's'])
  if (ageMs < 3 * HOUR_MS) return `${whole(ageMs, MINUTE_MS)}m`
  if (ageMs < 8 * HOUR_MS) return twoUnits(ageMs, [HOUR_MS, 'h'], [MINUTE_MS, 'm'])
  if (ageMs < 2 * DAY_MS) return `${whole(ageMs, HOUR_MS)}h`
  if (ageMs < 8 * DAY_MS) return twoUnits(ageMs, [DAY_MS, 'd'], [HOUR_MS, 'h'])
  if (ageMs < 2 * YEAR_MS) return `${whole(ageMs, DAY_MS)}d`
  if (ageMs < 8 * YEAR_MS) return twoUnits(ageMs, [YEAR_MS, 'y'], [DAY_MS, 'd'])
  return `${whole(ageMs, YEAR_MS)}y`
}

type Unit = readonly [ms: number, sign: string]

function twoUnits(ageMs: number, [largeMs, large]: Unit, [smallMs, small]: Unit): string {
  const rest = whole(ageMs % largeMs, smallMs)
  return `${whole(ageMs, largeMs)}${large}${rest === 0 ? '' : `${rest}${small}`}`
}

function whole(ageMs: number, unitMs: number): number {
  return Math.floor(ageMs / unitMs)
}

export const ageColumn: Column = {
  name: 'Age',
  type: 'string',
  priority: 0,
  cell: (object: KubeObject, nowMs) => age(object.metadata.creationTimestamp, nowMs),
}
