/** metav1.Time: RFC 3339 in UTC with second precision. */
export function toTimestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
