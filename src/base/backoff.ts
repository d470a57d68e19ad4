/** Exponential back-off with full jitter on the upper half, capped. */
import type { Random } from './random.ts'

export interface BackoffOptions {
  readonly initialMs: number
  readonly maxMs: number
}

/** The delay before retry number `attempt` (0 = first retry): between half of and the whole exponential step. */
export function backoffMs({ initialMs, maxMs }: BackoffOptions, attempt: number, random: Random): number {
  const step = Math.min(maxMs, initialMs * 2 ** Math.min(attempt, 30))
  return Math.round(step / 2 + (step / 2) * random())
}
