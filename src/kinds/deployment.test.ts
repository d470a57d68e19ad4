import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admitted, cells, complaints } from '../../test/support/admit.ts'
import { createStrategicPatch, applyStrategicPatch } from '../kube/strategic-patch.ts'
import { deploymentKind } from './deployment.ts'
import type { Deployment, DeploymentSpec } from './deployment.ts'
import { patchSchemaOf } from './patch-schema.ts'
import { replicaSetKind } from './replica-set.ts'

const labels = { app: 'web' }

function deployment(spec: Partial<DeploymentSpec> = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'nginx:1' }] } },
      ...spec,
    },
  }
}

test('a Deployment gets its defaults', () => {
  const { spec } = admitted(deploymentKind, deployment())
  const { template: _template, selector: _selector, ...rest } = spec
  assert.deepEqual(rest, {
    replicas: 1,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  })
  assert.equal(spec.template.spec.restartPolicy, 'Always')
})

test('no replicas are a number of replicas', () => {
  assert.equal(admitted(deploymentKind, deployment({ replicas: 0 })).spec.replicas, 0)
})

test('Recreate has no rolling update', () => {
  assert.deepEqual(admitted(deploymentKind, deployment({ strategy: { type: 'Recreate' } })).spec.strategy, {
    type: 'Recreate',
  })
})

const invalid: readonly (readonly [what: string, spec: Partial<DeploymentSpec>, complaint: string])[] = [
  [
    'a selector that its pods do not match',
    { selector: { matchLabels: { app: 'other' } } },
    'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
  ],
  [
    'a selector of everything',
    { selector: {} },
    'spec.selector: Invalid value: {}: empty selector is invalid for deployment',
  ],
  [
    'a selector without values',
    { selector: { matchExpressions: [{ key: 'app', operator: 'In' }] } },
    "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
  ],
  ['less than no replicas', { replicas: -1 }, 'spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
  [
    'a strategy that cannot move',
    { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } } },
    'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
  ],
  [
    'a rolling Recreate',
    { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } },
    "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
  ],
  [
    'more unavailable than there are',
    { strategy: { rollingUpdate: { maxUnavailable: '101%' } } },
    'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
  ],
  [
    'a deadline before a pod counts',
    { minReadySeconds: 10, progressDeadlineSeconds: 10 },
    'spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds',
  ],
]
for (const [what, spec, complaint] of invalid) {
  test(`a Deployment with ${what} is refused`, () =>
    assert.deepEqual(complaints(deploymentKind, deployment(spec)), [complaint]))
}

test('pods that end are not for a Deployment', () => {
  const template = {
    metadata: { labels },
    spec: { restartPolicy: 'Never' as const, containers: [{ name: 'a', image: 'b' }] },
  }
  assert.deepEqual(complaints(deploymentKind, deployment({ template })), [
    'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
  ])
})

test('the selector stays what it was', () => {
  const labelled = {
    metadata: { labels: { app: 'web', tier: 'x' } },
    spec: { containers: [{ name: 'a', image: 'b' }] },
  }
  const changed = deployment({ selector: { matchLabels: { tier: 'x' } }, template: labelled })
  const complaint = ['spec.selector: Invalid value: {"matchLabels":{"tier":"x"}}: field is immutable']
  assert.deepEqual(complaints(deploymentKind, changed, deployment()), complaint)
  assert.deepEqual(
    complaints(replicaSetKind, { ...changed, kind: 'ReplicaSet' }, { ...deployment(), kind: 'ReplicaSet' }),
    complaint,
  )
})

test('a row tells how far a rollout is', () => {
  const object: Deployment = {
    ...admitted(deploymentKind, deployment({ replicas: 3 })),
    status: { replicas: 4, readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2 },
  }
  assert.deepEqual(cells(deploymentKind, object), {
    Ready: '2/3',
    'Up-to-date': '1',
    Available: '2',
    Age: '<unknown>',
    Containers: 'web',
    Images: 'nginx:1',
    Selector: 'app=web',
  })
})

const schema = patchSchemaOf(deploymentKind.schema)

test('a strategic patch changes one container and leaves its neighbour', () => {
  const two = deployment({
    template: {
      metadata: { labels },
      spec: {
        containers: [
          { name: 'web', image: 'nginx:1' },
          { name: 'log', image: 'log:1', env: [{ name: 'A', value: '1' }] },
        ],
      },
    },
  })
  const patch = { spec: { template: { spec: { containers: [{ name: 'log', env: [{ name: 'B', value: '2' }] }] } } } }
  const { spec } = applyStrategicPatch(two, patch, schema) as Deployment
  assert.deepEqual(spec.template.spec.containers, [
    { name: 'web', image: 'nginx:1' },
    {
      name: 'log',
      image: 'log:1',
      env: [
        { name: 'B', value: '2' },
        { name: 'A', value: '1' },
      ],
    },
  ])
})

test('applying Recreate over a defaulted rolling update clears it', () => {
  const live = admitted(deploymentKind, deployment())
  const file = deployment({ strategy: { type: 'Recreate' } })
  const patch = createStrategicPatch(deployment(), { ...file }, { ...live }, schema)
  assert.deepEqual(patch, { spec: { strategy: { type: 'Recreate', $retainKeys: ['type'] } } })
  const { spec } = applyStrategicPatch(live, patch, schema) as Deployment
  assert.deepEqual(spec.strategy, { type: 'Recreate' })
})

test('applying a file again that changed nothing sends nothing, whatever the server filled in', () => {
  const file = deployment({ replicas: 2 })
  assert.deepEqual(createStrategicPatch(file, { ...file }, { ...admitted(deploymentKind, file) }, schema), {})
})
