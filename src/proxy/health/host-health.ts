/** Whether an endpoint can be used, by all that watches it. */
import type { CheckedHost } from './health-checker.ts'
import type { OutlierHost } from './outlier-detector.ts'

/** What is known of an endpoint's health; null: it is not looked at. */
export interface HostHealth {
  readonly outlier: OutlierHost | null
  readonly checked: CheckedHost | null
}

export function isUsable({ outlier, checked }: HostHealth): boolean {
  return (outlier === null || !outlier.isEjected) && (checked === null || checked.isHealthy)
}
