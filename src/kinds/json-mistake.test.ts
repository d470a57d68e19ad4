import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configMapKind } from './config-map.ts'
import { deploymentKind } from './deployment.ts'
import { jsonMistake } from './json-mistake.ts'
import type { Kind } from './kind.ts'
import { podKind } from './pod.ts'
import { secretKind } from './secret.ts'

function container(fields: object): object {
  return { spec: { containers: [{ name: 'a' }, { name: 'b', ...fields }] } }
}

test('a value of another JSON type is told as Go tells it', () => {
  const cases: [kind: Kind, object: object, words: string][] = [
    [
      deploymentKind,
      { spec: { replicas: '3' } },
      'string into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      deploymentKind,
      { spec: { replicas: 1.5 } },
      'number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [deploymentKind, { spec: 'x' }, 'string into Go struct field Deployment.spec of type v1.DeploymentSpec'],
    [
      deploymentKind,
      { spec: { paused: 'yes' } },
      'string into Go struct field DeploymentSpec.spec.paused of type bool',
    ],
    [
      deploymentKind,
      { spec: { template: container({ image: 5 }) } },
      'number into Go struct field Container.spec.template.spec.containers.image of type string',
    ],
    [
      podKind,
      { spec: { containers: {} } },
      'object into Go struct field PodSpec.spec.containers of type []v1.Container',
    ],
    [
      podKind,
      { metadata: { labels: { a: 1 } } },
      'number into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [
      podKind,
      { metadata: { labels: [] } },
      'array into Go struct field ObjectMeta.metadata.labels of type map[string]string',
    ],
    [configMapKind, { data: { a: true } }, 'bool into Go struct field ConfigMap.data of type string'],
    [secretKind, { data: { a: 1 } }, 'number into Go struct field Secret.data of type []uint8'],
    [podKind, { metadata: { creationTimestamp: 1 } }, 'number into Go value of type string'],
    [podKind, container({ livenessProbe: { httpGet: { port: true } } }), 'bool into Go value of type int32'],
  ]
  for (const [kind, object, words] of cases) {
    assert.equal(jsonMistake(kind.type.kind, kind.schema, object), `json: cannot unmarshal ${words}`)
  }
  const limits = { resources: { limits: { cpu: {} } } }
  assert.match(
    jsonMistake('Pod', podKind.schema, container(limits)) ?? '',
    /^quantities must match the regular expression/,
  )
})

test('of several mistakes the first in the text is told, and what is right or null is none', () => {
  const both = { spec: { paused: 1, replicas: 'x' } }
  assert.match(jsonMistake('Deployment', deploymentKind.schema, both) ?? '', /spec\.paused/)
  const right = {
    spec: { replicas: null, unknown: 1, template: container({ image: null, resources: { limits: { cpu: 2 } } }) },
  }
  assert.equal(jsonMistake('Deployment', deploymentKind.schema, right), undefined)
})
