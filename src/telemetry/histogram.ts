/** Reading counts per bucket. */

export interface Histogram {
  /** Upper bounds, ms, rising. */
  readonly boundsMs: readonly number[]
  /** `counts[i]` were at most `boundsMs[i]` and more than the bound before; one more count for everything above. */
  readonly counts: readonly number[]
}

/**
 * The value below which the share `p` (0 to 1) lies, interpolated within its bucket as Prometheus does; the highest bound
 * for what lies above it. Undefined while nothing was counted.
 */
export function quantile({ boundsMs, counts }: Histogram, p: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  const rank = p * total
  let below = 0
  for (const [index, count] of counts.entries()) {
    const upper = boundsMs[index]
    if (upper === undefined) break
    if (count > 0 && below + count >= rank) {
      const lower = index === 0 ? 0 : (boundsMs[index - 1] ?? 0)
      return lower + (upper - lower) * (Math.max(0, rank - below) / count)
    }
    below += count
  }
  return boundsMs.at(-1)
}
