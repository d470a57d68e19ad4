import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { encodeProtobuf, objectsOf } from '../../test/support/schema-arbitrary.ts'
import { apiVersionOf } from '../kube/object.ts'
import type { KubeObject } from '../kube/object.ts'
import { checkObject } from './check.ts'
import { deleteOptions } from './metadata.ts'
import { decodeProtobuf } from './protobuf.ts'
import { kinds } from '../dialects/all.ts'
import type { ObjectSchema } from './schema.ts'

function findSchema(apiVersion: string, kind: string): ObjectSchema | undefined {
  return kinds.find(({ type }) => apiVersionOf(type) === apiVersion && type.kind === kind)?.schema
}

/** Bodies of `kubectl create …` (kubectl 1.33). */
const bodies: Readonly<Record<string, readonly [base64: string, object: KubeObject & Record<string, unknown>]>> = {
  deployment: [
    'azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50EuYBCh8KA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViErQBCAASDAoKCgNhcHASA3dlYhqZAQocCgASABoAIgAqADIAOABCAFoKCgNhcHASA3dlYhJ5ElsKCWh0dHAtZWNobxIXaGFzaGljb3JwL2h0dHAtZWNobzoxLjAaCi9odHRwLWVjaG8aCC10ZXh0PWhpKgAyCwoAEAAYriwiACoAQgBqAHIAgAEAiAEAkAEAogEAGgAyAEIASgBSAFgAYABoAIIBAIoBAJoBAMIBACICCgAoADgAGgwIABAAGAAgACgAOAAaACIA',
    {
      metadata: { name: 'web', labels: { app: 'web' } },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            containers: [
              {
                name: 'http-echo',
                image: 'hashicorp/http-echo:1.0',
                command: ['/http-echo', '-text=hi'],
                ports: [{ containerPort: 5678 }],
                resources: {},
              },
            ],
          },
        },
        strategy: {},
      },
      status: {},
      apiVersion: 'apps/v1',
      kind: 'Deployment',
    },
  ],
  configmap: [
    'azhzAAoPCgJ2MRIJQ29uZmlnTWFwEh4KFAoEY29uZhIAGgAiACoAMgA4AEIAEgYKAWESAWIaACIA',
    { metadata: { name: 'conf' }, data: { a: 'b' }, apiVersion: 'v1', kind: 'ConfigMap' },
  ],
  secret: [
    'azhzAAoMCgJ2MRIGU2VjcmV0Eh8KEwoDc2VjEgAaACIAKgAyADgAQgASBgoBaxIBdhoAGgAiAA==',
    { metadata: { name: 'sec' }, data: { k: 'dg==' }, apiVersion: 'v1', kind: 'Secret' },
  ],
  namespace: [
    'azhzAAoPCgJ2MRIJTmFtZXNwYWNlEhwKFAoEc2hvcBIAGgAiACoAMgA4AEIAEgAaAgoAGgAiAA==',
    { metadata: { name: 'shop' }, spec: {}, status: {}, apiVersion: 'v1', kind: 'Namespace' },
  ],
  service: [
    'azhzAAoNCgJ2MRIHU2VydmljZRJsCh8KA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEkUKHgoHODAtaHR0cBIDVENQGFAiCggBEAAaBGh0dHAoABIKCgNhcHASA3dlYhoAIglDbHVzdGVySVA6AEIAUgBaAGAAaAAaAgoAGgAiAA==',
    {
      metadata: { name: 'web', labels: { app: 'web' } },
      spec: {
        ports: [{ name: '80-http', protocol: 'TCP', port: 80, targetPort: 'http' }],
        selector: { app: 'web' },
        type: 'ClusterIP',
      },
      status: { loadBalancer: {} },
      apiVersion: 'v1',
      kind: 'Service',
    },
  ],
  serviceaccount: [
    'azhzAAoUCgJ2MRIOU2VydmljZUFjY291bnQSFQoTCgNib3QSABoAIgAqADIAOABCABoAIgA=',
    { metadata: { name: 'bot' }, apiVersion: 'v1', kind: 'ServiceAccount' },
  ],
}

for (const [command, [base64, expected]] of Object.entries(bodies)) {
  test(`what kubectl sends for "create ${command}" is read`, () => {
    const object = decodeProtobuf(Buffer.from(base64, 'base64'), findSchema)
    assert.deepEqual(object, expected)
    const { errors, unknownFields } = checkObject(findSchema(object.apiVersion, object.kind) ?? deleteOptions, object)
    assert.deepEqual([errors, unknownFields], [[], []])
  })
}

/** Kinds with published field numbers; those of custom resources are never sent as protobuf. */
const published = kinds.filter(({ schema }) => schema.fields['metadata']?.protobuf !== undefined)

for (const { type, schema } of published) {
  test(`any ${type.kind} is read as it was written`, () => {
    fc.assert(
      fc.property(objectsOf(schema), (value) => {
        const object = { metadata: {}, ...value, apiVersion: apiVersionOf(type), kind: type.kind }
        assert.deepEqual(decodeProtobuf(encodeProtobuf(schema, object), findSchema), object)
      }),
      { numRuns: 50 },
    )
  })

  test(`the field numbers of ${type.kind} are unique in each message`, () => {
    for (const [name, { fields }] of messagesOf(schema)) {
      const numbers = Object.values(fields).map((field) => `${field.protobufWithin ?? ''}/${field.protobuf}`)
      const numbered = numbers.filter((number) => !number.endsWith('undefined'))
      assert.deepEqual(numbered, [...new Set(numbered)], name)
    }
  })
}

function messagesOf(schema: ObjectSchema, found = new Map<string, ObjectSchema>()): ReadonlyMap<string, ObjectSchema> {
  const name = schema.name ?? 'nameless'
  if (found.has(name)) return found
  found.set(name, schema)
  for (const { schema: inner } of Object.values(schema.fields)) {
    const item = inner.kind === 'array' ? inner.items : inner.kind === 'map' ? inner.values : inner
    if (item.kind === 'object') messagesOf(item, found)
  }
  return found
}

test('DeleteOptions of any group are read', () => {
  const value = { gracePeriodSeconds: 0, propagationPolicy: 'Foreground', preconditions: { uid: 'u' }, dryRun: ['All'] }
  const bytes = encodeProtobuf(deleteOptions, { apiVersion: 'apps/v1', kind: 'DeleteOptions', ...value })
  assert.deepEqual(
    decodeProtobuf(bytes, () => undefined),
    {
      metadata: {},
      apiVersion: 'apps/v1',
      kind: 'DeleteOptions',
      ...value,
    },
  )
})

test('a kind that is not served is named', () => {
  const bytes = encodeProtobuf(deleteOptions, { apiVersion: 'batch/v1', kind: 'Job' })
  assert.throws(() => decodeProtobuf(bytes, findSchema), {
    message: 'no kind "Job" is registered for version "batch/v1"',
  })
})

test('bytes that are no protobuf are refused', () => {
  for (const bytes of [
    Buffer.from('{}'),
    Buffer.alloc(0),
    Buffer.from('k8s\0\xff', 'latin1'),
    Buffer.from('k8s\0\x0a\x7f'),
  ]) {
    assert.throws(() => decodeProtobuf(bytes, findSchema), { code: 'MalformedProtobuf' })
  }
})

test('random bytes end in an object or an error, never in a hang', () => {
  const [deployment] = bodies['deployment'] ?? ['']
  const real = Buffer.from(deployment, 'base64')
  fc.assert(
    fc.property(fc.nat(real.length - 1), fc.nat(255), (at, byte) => {
      const changed = Uint8Array.from(real)
      changed[at] = byte
      try {
        decodeProtobuf(changed, findSchema)
      } catch (error) {
        assert.ok(error instanceof Error)
      }
    }),
    { numRuns: 1000 },
  )
})
