import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { objectsOf } from '../../test/support/schema-arbitrary.ts'
import { checkObject } from './check.ts'
import { deploymentKind } from './deployment.ts'
import { podKind } from './pod.ts'
import { kinds } from '../dialects/all.ts'
import { object, optional, quantity, required, string } from './schema.ts'

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx' }] } },
  },
}

function withSpec(spec: object): object {
  return { ...deployment, spec: { ...deployment.spec, ...spec } }
}

test('a valid object passes unchanged', () => {
  assert.deepEqual(checkObject(deploymentKind.schema, deployment), {
    value: deployment,
    errors: [],
    unknownFields: [],
    meant: new Map(),
  })
})

test('unknown fields are left out and named by their path', () => {
  const { value, unknownFields, errors } = checkObject(deploymentKind.schema, {
    ...withSpec({
      replica: 1,
      template: { spec: { containers: [{ name: 'web', imagee: 'x', ports: [{ containerPort: 80, prot: 'TCP' }] }] } },
    }),
    speck: {},
  })
  assert.deepEqual(unknownFields, [
    'speck',
    'spec.replica',
    'spec.template.spec.containers[0].imagee',
    'spec.template.spec.containers[0].ports[0].prot',
  ])
  assert.deepEqual(errors, [])
  assert.deepEqual(
    value,
    withSpec({ template: { spec: { containers: [{ name: 'web', ports: [{ containerPort: 80 }] }] } } }),
  )
})

test('names that every JavaScript object knows are unknown fields as well', () => {
  const value: unknown = JSON.parse('{"metadata":{"constructor":1,"__proto__":{"x":1},"toString":2}}')
  assert.deepEqual(checkObject(podKind.schema, value).unknownFields, [
    'metadata.constructor',
    'metadata.__proto__',
    'metadata.toString',
  ])
})

test('0, false and empty texts count as absent where they mean that in Kubernetes, and only there', () => {
  const container = { name: 'web', tty: false, image: '', env: [{ name: 'A', value: '' }] }
  const given = {
    ...withSpec({ replicas: 0, minReadySeconds: 0, paused: false, template: { spec: { containers: [container] } } }),
    status: { readyReplicas: 0 },
  }
  const { value, errors } = checkObject(deploymentKind.schema, given)
  assert.deepEqual(errors, [])
  const template = { spec: { containers: [{ name: 'web', env: [{ name: 'A' }] }] } }
  assert.deepEqual(value, { ...withSpec({ replicas: 0, template }), status: { readyReplicas: 0 } })
})

test('nulls count as absent', () => {
  const { value, errors } = checkObject(deploymentKind.schema, {
    ...withSpec({ replicas: null, strategy: null }),
    metadata: { name: 'web', creationTimestamp: null, labels: { a: null } },
    status: null,
  })
  assert.deepEqual(errors, [])
  assert.deepEqual(value, { ...deployment, metadata: { name: 'web', labels: {} } })
})

const wrong: readonly (readonly [what: string, spec: object, field: string, message: string])[] = [
  ['a text for a number', { replicas: '3' }, 'spec.replicas', 'Invalid value: "3": must be of type int32, not string'],
  ['a fraction', { replicas: 1.5 }, 'spec.replicas', 'Invalid value: 1.5: must be of type int32, not number'],
  [
    'a number over 32 bits',
    { replicas: 2 ** 31 },
    'spec.replicas',
    'Invalid value: 2147483648: must be of type int32, not number',
  ],
  ['a number for a flag', { paused: 1 }, 'spec.paused', 'Invalid value: 1: must be of type boolean, not number'],
  ['a list for an object', { strategy: [] }, 'spec.strategy', 'Invalid value: []: must be of type object, not array'],
  [
    'a text for an object',
    { template: 'x' },
    'spec.template',
    'Invalid value: "x": must be of type object, not string',
  ],
  [
    'an object for a list',
    { template: { spec: { containers: { name: 'a' } } } },
    'spec.template.spec.containers',
    'Invalid value: {"name":"a"}: must be of type array, not object',
  ],
  [
    'a number for a text',
    { template: { spec: { containers: [{ name: 5 }] } } },
    'spec.template.spec.containers[0].name',
    'Invalid value: 5: must be of type string, not number',
  ],
  [
    'a number in a map of texts',
    { selector: { matchLabels: { 'example.com/a': 1 } } },
    'spec.selector.matchLabels.example.com/a',
    'Invalid value: 1: must be of type string, not number',
  ],
  [
    'a flag where a number or text must stand',
    { strategy: { rollingUpdate: { maxSurge: true } } },
    'spec.strategy.rollingUpdate.maxSurge',
    'Invalid value: true: must be of type integer or string, not boolean',
  ],
  [
    'a word that is none of the words',
    { strategy: { type: 'Magic' } },
    'spec.strategy.type',
    'Unsupported value: "Magic": supported values: "Recreate", "RollingUpdate"',
  ],
]

for (const [what, spec, field, message] of wrong) {
  test(`${what} is located`, () => {
    const { errors } = checkObject(deploymentKind.schema, withSpec(spec))
    assert.deepEqual(
      errors.map((error) => [error.field, error.message]),
      [[field, message]],
    )
  })
}

test('missing fields are reported by the innermost that is required', () => {
  const { errors } = checkObject(deploymentKind.schema, { apiVersion: 'apps/v1', kind: 'Deployment' })
  assert.deepEqual(
    errors.map(({ field, message }) => `${field}: ${message}`),
    ['spec.selector: Required value', 'spec.template.spec.containers: Required value'],
  )
})

test("an empty word is absent: clients in Go write '' for what they did not choose", () => {
  const { value, errors } = checkObject(deploymentKind.schema, withSpec({ strategy: { type: '' } }))
  assert.deepEqual(errors, [])
  assert.deepEqual(value, withSpec({ strategy: {} }))
})

const formats = object({
  q: optional(quantity),
  t: optional({ kind: 'string', format: 'time' }),
  b: optional({ kind: 'string', format: 'byte' }),
  d: optional({ kind: 'string', format: 'duration' }),
})
const formatted: readonly (readonly [right: boolean, value: object])[] = [
  [true, { q: '100m' }],
  [true, { q: 2 }],
  [false, { q: 'lots' }],
  [true, { t: '2026-01-02T03:04:05Z' }],
  [true, { t: '2026-01-02T03:04:05.678+01:00' }],
  [false, { t: '2026-01-02' }],
  [false, { t: '2026-13-02T03:04:05Z' }],
  [true, { b: 'aGk=' }],
  [false, { b: 'hi!' }],
  [false, { b: 'aGk' }],
  [true, { d: '1h30m' }],
  [true, { d: '0.5s' }],
  [true, { d: '0' }],
  [false, { d: '5' }],
  [false, { d: 's' }],
]
for (const [isRight, value] of formatted) {
  test(`${JSON.stringify(value)} is ${isRight ? 'right' : 'wrong'}`, () => {
    assert.equal(checkObject(formats, value).errors.length, isRight ? 0 : 1)
  })
}

test('a quantity written as a number becomes a text', () => {
  assert.deepEqual(checkObject(formats, { q: 2 }).value, { q: '2' })
})

test('what is required and null is missing', () => {
  const { errors } = checkObject(object({ name: required(string) }), { name: null })
  assert.deepEqual(errors, [{ reason: 'FieldValueRequired', field: 'name', message: 'Required value' }])
})

for (const { type, schema } of kinds) {
  test(`any ${type.kind} that fits its schema passes unchanged`, () => {
    fc.assert(
      fc.property(objectsOf(schema), (value) => {
        assert.deepEqual(checkObject(schema, value), { value, errors: [], unknownFields: [], meant: new Map() })
      }),
      { numRuns: 50 },
    )
  })
}

test('any JSON at all is judged without an exception', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      checkObject(podKind.schema, { spec: value })
      checkObject(podKind.schema, value)
    }),
  )
})

test('only so many unknown fields are compared with the known ones, and the rest is only named', () => {
  const misspelt = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`siz${10 + index}`, 1]))
  const { unknownFields, meant } = checkObject(object({ size1: optional(string) }), misspelt)
  assert.equal(unknownFields.length, 50)
  assert.equal(meant.size, 20)
})
