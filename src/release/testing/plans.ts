/** Plans for tests. */
import type { Gate, OnFailure, Plan, Shift } from '../model.ts'

export const SMOKE: Shift['matches'] = [
  { headers: [{ name: 'stage', type: 'Exact', value: 'canary' }], queryParams: [] },
]
export const METRICS: Gate = { kind: 'metrics', minRequests: 50, successRateMin: 99, windowMs: 30_000 }
export const DEADLINE_MS = 60_000

export interface PlanOptions {
  readonly targets?: number
  readonly steps?: readonly { readonly weight: number; readonly gates?: readonly Gate[]; readonly name?: string }[]
  readonly onFailure?: OnFailure['action']
  readonly isPaused?: boolean
  readonly onStart?: Plan['onStart']['stable']
  readonly stable?: Plan['onSuccess']['stable']
}

export function planOf(options: PlanOptions = {}): Plan {
  const { targets = 1, onFailure = 'Rollback', stable = 'ScaleToZero' } = options
  const steps = options.steps ?? [
    { weight: 0, gates: [{ kind: 'approval' }] },
    { weight: 10, gates: [METRICS] },
    { weight: 50, gates: [{ kind: 'wait', durationMs: 5_000 }] },
    { weight: 100 },
  ]
  return {
    name: 'echo/echo-v3',
    targets: Array.from({ length: targets }, (_, index) => ({
      name: `t${index}`,
      stable: `Deployment echo/t${index}-v2`,
      canary: `Deployment echo/t${index}-v3`,
      routes: [`VirtualService gloo-system/t${index}`],
      scaling: 'Proportional',
    })),
    steps: steps.map(({ weight, gates = [], name }, index) => ({
      name: name ?? `s${index}`,
      shift: { canaryWeight: weight, matches: SMOKE },
      gates,
    })),
    onFailure: { action: onFailure, canary: 'ScaleToZero' },
    onStart: { stable: options.onStart ?? 'RequireReady' },
    onSuccess: { stable },
    deadlineMs: DEADLINE_MS,
    isPaused: options.isPaused ?? false,
  }
}
