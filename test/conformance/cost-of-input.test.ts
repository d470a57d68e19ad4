/**
 * What clients send costs what it is long, not its square. Measured without a clock, for a size and four times that size: what the work
 * allocates, and how often it reads the fields and items of its input. Linear work then costs four times as much, quadratic work 16
 * times.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getHeapStatistics } from 'node:v8'
import { decodeJson, decodeYaml } from '../../src/api-server/http/decode-body.ts'
import { changedFields, leavesOf, setOf, subtract, union } from '../../src/api-server/registry/field-set.ts'
import { toKeyed } from '../../src/api-server/registry/keyed.ts'
import { checkObject } from '../../src/kinds/check.ts'
import { jsonMistake } from '../../src/kinds/json-mistake.ts'
import type { Kind } from '../../src/kinds/kind.ts'
import { patchSchemaOf } from '../../src/kinds/patch-schema.ts'
import { decodeProtobuf } from '../../src/kinds/protobuf.ts'
import { lengthField } from '../../src/kinds/protobuf/writer.ts'
import { kinds } from '../../src/dialects/all.ts'
import { applyJsonPatch } from '../../src/kube/json-patch.ts'
import { applyMergePatch, threeWayMergePatch } from '../../src/kube/merge-patch.ts'
import type { KubeObject } from '../../src/kube/object.ts'
import { parseFieldSelector, parseLabelSelector } from '../../src/kube/selector.ts'
import { applyStrategicPatch, createStrategicPatch } from '../../src/kube/strategic-patch.ts'

const SIZE = 400
const TIMES = 4
/** Between 4, for linear, and 16. Sorting and the growth of tables cost a little more than their size. */
const RATIO_MAX = 8

type Work = (input: never) => unknown

const counter = { reads: 0 }

const mapOf = (size: number): Record<string, string> => Object.fromEntries(names(size).map((name) => [name, 'v']))

function names(size: number, prefix = 'name'): string[] {
  return Array.from({ length: size }, (_, at) => `${prefix}-${at}`)
}

function kindNamed(name: string): Kind {
  const kind = kinds.find(({ type }) => type.kind === name)
  assert.ok(kind !== undefined, name)
  return kind
}

const pod = kindNamed('Pod')

function podOf(size: number, image: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', labels: mapOf(size), finalizers: names(size, 'example.com/f') },
    spec: {
      containers: names(size).map((name) => ({ name, image })),
      volumes: names(size).map((name) => ({ name, emptyDir: {} })),
      tolerations: names(size).map((key) => ({ key, operator: 'Exists' })),
    },
  } as KubeObject
}

function templateOf(size: number): object {
  const { apiVersion: _apiVersion, kind: _kind, ...template } = podOf(size, 'a')
  return template
}

const objects: Readonly<Record<string, (size: number) => object>> = {
  Pod: (size) => podOf(size, 'a'),
  ConfigMap: (size) => ({ metadata: { name: 'a' }, data: mapOf(size) }),
  Service: (size) => ({
    metadata: { name: 'a' },
    spec: { ports: names(size, 'p').map((name, at) => ({ name, port: at + 1 })) },
  }),
  Deployment: (size) => ({
    metadata: { name: 'a' },
    spec: {
      selector: { matchLabels: mapOf(size) },
      template: templateOf(size),
    },
  }),
  Upstream: (size) => ({
    metadata: { name: 'a' },
    spec: {
      kube: {
        serviceName: 'a',
        serviceNamespace: 'b',
        servicePort: 1,
        subsetSpec: { selectors: [{ keys: names(size) }] },
      },
    },
  }),
  VirtualService: (size) => ({
    metadata: { name: 'a' },
    spec: {
      virtualHost: {
        domains: names(size),
        routes: names(size).map((name) => ({
          name,
          matchers: [{ prefix: `/${name}`, headers: [{ name, value: 'v' }] }],
          routeAction: { single: { upstream: { name, namespace: 'n' } } },
        })),
      },
    },
  }),
  Release: (size) => ({
    metadata: { name: 'a', namespace: 'n' },
    spec: {
      targets: names(size).map((name) => ({
        name,
        stable: { kind: 'Deployment', name },
        canary: { kind: 'Deployment', name: `${name}-canary` },
        routes: [{ apiVersion: 'gateway.solo.io/v1', kind: 'VirtualService', name }],
      })),
      steps: names(size).map((name) => ({ name, weight: 10, gates: [{ metrics: {} }] })),
    },
  }),
}

const works: Readonly<Record<string, readonly [input: (size: number) => unknown, work: Work]>> = {
  'a YAML mapping': [
    (size) =>
      Buffer.from(
        names(size)
          .map((name) => `${name}: v\n`)
          .join(''),
      ),
    decodeYaml,
  ],
  'YAML aliases': [
    (size) =>
      Buffer.from(
        names(size)
          .map((name) => `${name}: &${name} v\nx${name}: *${name}\n`)
          .join(''),
      ),
    decodeYaml,
  ],
  'a JSON object': [(size) => Buffer.from(JSON.stringify(mapOf(size))), decodeJson],
  'equal keys in JSON': [(size) => Buffer.from(`{${'"a":1,'.repeat(size)}"a":1}`), decodeJson],
  'a protobuf list and map': [protobufPod, (body: Buffer) => decodeProtobuf(body, () => pod.schema)],
  'a JSON patch of a large map': [
    (size) => ({
      map: mapOf(size),
      patch: names(size, 'new').map((name) => ({ op: 'add', path: `/map/${name}`, value: 1 })),
    }),
    ({ map, patch }: { map: object; patch: unknown }) => applyJsonPatch({ map }, patch),
  ],
  'a JSON patch that removes, moves and copies': [
    (size) => ({
      map: mapOf(size),
      patch: names(size).flatMap((name) => [
        { op: 'test', path: `/map/${name}`, value: 'v' },
        { op: 'copy', from: `/map/${name}`, path: `/map/copy-${name}` },
        { op: 'move', from: `/map/${name}`, path: `/map/moved-${name}` },
        { op: 'remove', path: `/map/copy-${name}` },
      ]),
    }),
    ({ map, patch }: { map: object; patch: unknown }) => applyJsonPatch({ map }, patch),
  ],
  'a JSON patch of a list': [
    (size) => names(size).map((value) => ({ op: 'add', path: '/list/-', value })),
    (patch: unknown) => applyJsonPatch({ list: [] }, patch),
  ],
  'a merge patch': [mapOf, (patch: object) => applyMergePatch(mapOf(1), patch)],
  'a three-way merge': [mapOf, (patch: Record<string, string>) => threeWayMergePatch(patch, patch, { a: 'b' })],
  'a strategic merge patch': [
    (size) => ({
      live: podOf(size, 'a'),
      patch: { ...podOf(size, 'b'), metadata: { '$deleteFromPrimitiveList/finalizers': names(size, 'example.com/f') } },
    }),
    ({ live, patch }: { live: object; patch: object }) => applyStrategicPatch(live, patch, patchSchemaOf(pod.schema)),
  ],
  'making a strategic merge patch': [
    (size) => ({ live: { ...podOf(size, 'a') }, wanted: { ...podOf(size, 'b') } }),
    ({ live, wanted }: { live: Record<string, unknown>; wanted: Record<string, unknown> }) =>
      createStrategicPatch(live, wanted, live, patchSchemaOf(pod.schema)),
  ],
  'sets of fields': [
    (size) => podOf(size, 'a'),
    (object: object) => {
      const fields = changedFields({}, toKeyed(pod.schema, object))
      return union(subtract(fields, {}), setOf(leavesOf(fields)))
    },
  ],
  'a label selector': [
    (size) =>
      names(size)
        .map((name) => `${name} in (a,b)`)
        .join(','),
    parseLabelSelector,
  ],
  'a field selector': [
    (size) =>
      names(size)
        .map((name) => `${name}=\\\\a`)
        .join(','),
    parseFieldSelector,
  ],
  ...Object.fromEntries(
    Object.entries(objects).map(([name, object]) => [
      `the schema, defaults and rules of a ${name}`,
      [object, (given: KubeObject) => admitted(kindNamed(name), given)] as const,
    ]),
  ),
}

function admitted(kind: Kind, given: KubeObject): unknown {
  jsonMistake(kind.type.kind, kind.schema, given)
  const { value, errors } = checkObject(kind.schema, given)
  assert.deepEqual(errors, [])
  const object = counting(kind.defaults?.(counting(value) as KubeObject) ?? value) as KubeObject
  return [kind.validate?.(object, undefined), kind.validate?.(object, object), kind.warnings?.(object)]
}

function protobufPod(size: number): Buffer {
  const labels = names(size).map((name) => lengthField(11, Buffer.concat([lengthField(1, name), lengthField(2, 'v')])))
  const containers = names(size).map((name) => lengthField(2, lengthField(1, name)))
  const type = Buffer.concat([lengthField(1, 'v1'), lengthField(2, 'Pod')])
  const object = Buffer.concat([lengthField(1, Buffer.concat(labels)), lengthField(2, Buffer.concat(containers))])
  return Buffer.concat([Buffer.from('k8s\0'), lengthField(1, type), lengthField(2, object)])
}

for (const [name, [input, work]] of Object.entries(works)) {
  test(`${name}: four times as long costs four times as much, not 16 times`, () => {
    cost(input(SIZE), work)
    const [once, more] = [cost(input(SIZE), work), cost(input(SIZE * TIMES), work)]
    for (const unit of ['bytes', 'reads'] as const) {
      const ratio = more[unit] / Math.max(once[unit], 1)
      assert.ok(ratio < RATIO_MAX, `${unit}: ${once[unit]} for ${SIZE}, ${more[unit]} for ${SIZE * TIMES}`)
    }
  })
}

function cost(input: unknown, work: Work): { readonly bytes: number; readonly reads: number } {
  counter.reads = 0
  const counted = Buffer.isBuffer(input) ? input : counting(input)
  const before = getHeapStatistics().total_allocated_bytes
  work(counted as never)
  return { bytes: getHeapStatistics().total_allocated_bytes - before, reads: counter.reads }
}

/** The value, with every read of a field or item counted, at any depth. */
function counting(value: unknown, known = new WeakMap<object, object>()): unknown {
  if (typeof value !== 'object' || value === null) return value
  const proxy =
    known.get(value) ??
    new Proxy(value, {
      get: (target, name) => {
        counter.reads += 1
        return counting(Reflect.get(target, name), known)
      },
    })
  known.set(value, proxy)
  return proxy
}
