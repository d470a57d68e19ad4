/** What a Deployment leaves out. */
import { defaultPodTemplate } from '../pod/defaults.ts'
import type { Deployment, DeploymentSpec } from './types.ts'

/** What the versions of the API have different answers to. */
export interface DeploymentDefaults {
  /** Revisions kept. */
  readonly history: number
  readonly deadlineSeconds: number
  /** Of the pods, how many may be missing and how many too many during an update. */
  readonly share: number | string
}

export function deploymentDefaults<T extends Deployment>(object: T, defaults: DeploymentDefaults): T {
  const { spec } = object
  return {
    ...object,
    spec: {
      ...spec,
      replicas: spec.replicas ?? 1,
      template: defaultPodTemplate(spec.template),
      strategy: strategyDefaults(spec.strategy, defaults),
      revisionHistoryLimit: spec.revisionHistoryLimit ?? defaults.history,
      progressDeadlineSeconds: spec.progressDeadlineSeconds ?? defaults.deadlineSeconds,
    },
    status: object.status ?? {},
  }
}

type Strategy = NonNullable<DeploymentSpec['strategy']>

function strategyDefaults(
  { type = 'RollingUpdate', rollingUpdate }: Strategy = {},
  { share }: DeploymentDefaults,
): Strategy {
  if (type !== 'RollingUpdate') return { type, ...(rollingUpdate === undefined ? {} : { rollingUpdate }) }
  const { maxUnavailable = share, maxSurge = share } = rollingUpdate ?? {}
  return { type, rollingUpdate: { maxUnavailable, maxSurge } }
}
