/** Deployments and Services as `describe` shows them. Pure. */
import type { Deployment } from '../../kinds/deployment.ts'
import type { Service } from '../../kinds/service.ts'
import { formatLabelSelector } from '../../kube/selector.ts'
import { conditionFields, type Field, pairsOf } from './fields.ts'
import { templateFields } from './pod.ts'

export function deploymentFields({ spec, status }: Deployment): readonly Field[] {
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0, unavailableReplicas = 0 } = status ?? {}
  const rolling = spec.strategy?.rollingUpdate
  return [
    ['Selector', formatLabelSelector(spec.selector)],
    [
      'Replicas',
      `${spec.replicas ?? 1} desired | ${updatedReplicas} updated | ${replicas} total | ` +
        `${availableReplicas} available | ${unavailableReplicas} unavailable`,
    ],
    ['StrategyType', spec.strategy?.type ?? 'RollingUpdate'],
    ['MinReadySeconds', String(spec.minReadySeconds ?? 0)],
    ...(rolling === undefined
      ? []
      : [
          [
            'RollingUpdateStrategy',
            `${rolling.maxUnavailable ?? ''} max unavailable, ${rolling.maxSurge ?? ''} max surge`,
          ] as const,
        ]),
    templateFields(spec.template),
    ...conditionFields(status?.conditions),
  ]
}

/** `served` are the Service's endpoints. */
export function serviceFields({ spec }: Service, served: readonly string[]): readonly Field[] {
  return [
    ['Selector', pairsOf(spec.selector, '=').join(',') || '<none>'],
    ['Type', spec.type ?? 'ClusterIP'],
    ['IP', spec.clusterIP ?? '<none>'],
    ...(spec.ports ?? []).flatMap(({ name, port, protocol = 'TCP', targetPort, nodePort }): readonly Field[] => [
      ['Port', `${name ?? '<unset>'}  ${port}/${protocol}`],
      ['TargetPort', `${targetPort ?? port}/${protocol}`],
      ...(nodePort === undefined ? [] : [['NodePort', `${name ?? '<unset>'}  ${nodePort}/${protocol}`] as const]),
    ]),
    ['Endpoints', served],
    ['Session Affinity', spec.sessionAffinity ?? 'None'],
  ]
}
