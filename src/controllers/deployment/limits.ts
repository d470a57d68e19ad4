/** How far a rolling update may stray from the wanted number of pods. Pure. Source: apps/v1 DeploymentStrategy. */
import type { Deployment } from '../../kinds/deployment.ts'

export interface Limits {
  /** Pods wanted. */
  readonly replicas: number
  /** Pods above `replicas` there may be. */
  readonly maxSurge: number
  /** Pods below `replicas` that may be available. */
  readonly maxUnavailable: number
}

/** Percentages are of `replicas`: surge rounds up, unavailable rounds down, and both 0 would never move. */
export function limitsOf({ spec }: Deployment): Limits {
  const replicas = spec.replicas ?? 1
  if (!isRolling(spec.strategy)) return { replicas, maxSurge: 0, maxUnavailable: replicas }
  const { maxSurge = '25%', maxUnavailable = '25%' } = spec.strategy?.rollingUpdate ?? {}
  const surge = resolve(maxSurge, replicas, Math.ceil)
  const unavailable = resolve(maxUnavailable, replicas, Math.floor)
  const atLeastOne = surge === 0 && unavailable === 0 ? 1 : unavailable
  return { replicas, maxSurge: surge, maxUnavailable: Math.min(atLeastOne, replicas) }
}

export function isRolling(strategy: Deployment['spec']['strategy']): boolean {
  return (strategy?.type ?? 'RollingUpdate') === 'RollingUpdate'
}

/** `3`, `"3"` or `"25%"`. What cannot be read counts as 0; the API does not let it in. */
function resolve(value: number | string, of: number, round: (value: number) => number): number {
  const text = String(value)
  const amount = text.endsWith('%') ? round((Number(text.slice(0, -1)) * of) / 100) : Number(text)
  return Number.isFinite(amount) ? Math.max(0, amount) : 0
}
