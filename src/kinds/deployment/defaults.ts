/** What a Deployment (apps/v1) leaves out. */
import type { Deployment, DeploymentSpec } from './types.ts'
import { defaultPodTemplate } from '../pod/defaults.ts'

const HISTORY_KEPT = 10
const PROGRESS_DEADLINE_S = 600

export function defaultDeployment(object: Deployment): Deployment {
  const { spec } = object
  return {
    ...object,
    spec: {
      ...spec,
      replicas: spec.replicas ?? 1,
      template: defaultPodTemplate(spec.template),
      strategy: defaultStrategy(spec.strategy),
      revisionHistoryLimit: spec.revisionHistoryLimit ?? HISTORY_KEPT,
      progressDeadlineSeconds: spec.progressDeadlineSeconds ?? PROGRESS_DEADLINE_S,
    },
    status: object.status ?? {},
  }
}

type Strategy = NonNullable<DeploymentSpec['strategy']>

function defaultStrategy({ type = 'RollingUpdate', rollingUpdate }: Strategy = {}): Strategy {
  if (type !== 'RollingUpdate') return { type, ...(rollingUpdate === undefined ? {} : { rollingUpdate }) }
  const { maxUnavailable = '25%', maxSurge = '25%' } = rollingUpdate ?? {}
  return { type, rollingUpdate: { maxUnavailable, maxSurge } }
}
