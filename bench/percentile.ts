/** The value below which the share (0 to 1) of the numbers lies; they are sorted, the smallest first. Of none: 0. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
