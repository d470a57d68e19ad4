import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyJsonPatch } from '../kube/json-patch.ts'
import { openApiV2, openApiV3 } from './openapi.ts'
import { readFields } from './protobuf/reader.ts'
import { kinds } from '../dialects/all.ts'

const apps = openApiV3(kinds, { group: 'apps', version: 'v1' })
const core = openApiV3(kinds, { group: '', version: 'v1' })

/** True if the document has that value at the path. */
function has(document: object, path: string, value: unknown): boolean {
  applyJsonPatch(document, [{ op: 'test', path, value }])
  return true
}

/** The media types of patches that the document offers at the path. */
function offered(document: object, path: string): string[] {
  const { paths } = document as { paths: Record<string, { patch?: { requestBody?: { content?: object } } }> }
  return Object.keys(paths[path]?.patch?.requestBody?.content ?? {})
}

test('a kind is patched where kubectl looks, and the server validates', () => {
  const patch = '/paths/~1apis~1apps~1v1~1namespaces~1{namespace}~1deployments~1{name}/patch'
  assert.ok(has(apps, `${patch}/x-kubernetes-group-version-kind`, { group: 'apps', version: 'v1', kind: 'Deployment' }))
  assert.ok(has(apps, `${patch}/parameters/0/name`, 'dryRun'))
  assert.ok(has(apps, `${patch}/parameters/2/name`, 'fieldValidation'))
  assert.ok(has(core, '/paths/~1api~1v1~1namespaces~1{name}/patch/x-kubernetes-action', 'patch'))
})

test('lists say how server-side apply tells their items apart, and maps that are owned as a whole say so', () => {
  const property = (name: string, field: string): string =>
    `/components/schemas/io.k8s.api.core.v1.${name}/properties/${field}`
  const ports = property('ServiceSpec', 'ports')
  assert.ok(has(core, `${ports}/x-kubernetes-list-type`, 'map'))
  assert.ok(has(core, `${ports}/x-kubernetes-list-map-keys`, ['port', 'protocol']))
  assert.ok(has(core, `${ports}/x-kubernetes-patch-merge-key`, 'port'))
  assert.ok(has(core, `${property('ServicePort', 'protocol')}/default`, 'TCP'))
  assert.ok(has(core, `${property('Container', 'ports')}/x-kubernetes-list-map-keys`, ['containerPort', 'protocol']))
  assert.ok(has(core, `${property('Container', 'command')}/x-kubernetes-list-type`, 'atomic'))
  assert.ok(has(core, `${property('ServiceSpec', 'selector')}/x-kubernetes-map-type`, 'atomic'))
})

test('what is required is what Kubernetes calls so: a spec may be left out as far as the schema says', () => {
  const { schemas } = (core as { components: { schemas: Record<string, { required?: string[] }> } }).components
  const required = (name: string): string[] | undefined => schemas[`io.k8s.api.core.v1.${name}`]?.required
  assert.deepEqual(['Pod', 'Service', 'PodSpec', 'ContainerPort'].map(required), [
    undefined,
    undefined,
    ['containers'],
    ['containerPort'],
  ])
  const deployment = '/components/schemas/io.k8s.api.apps.v1.DeploymentSpec/required'
  assert.ok(has(apps, deployment, ['selector', 'template']))
  assert.ok(has(apps, '/components/schemas/io.k8s.api.apps.v1.ReplicaSetSpec/required', ['selector']))
})

test('a strategic merge patch is offered only where the server takes one', () => {
  const gloo = openApiV3(kinds, { group: 'gateway.solo.io', version: 'v1' })
  const jsonTypes = ['application/json-patch+json', 'application/merge-patch+json']
  assert.deepEqual(offered(gloo, '/apis/gateway.solo.io/v1/namespaces/{namespace}/virtualservices/{name}'), jsonTypes)
  assert.deepEqual(offered(apps, '/apis/apps/v1/namespaces/{namespace}/deployments/{name}'), [
    ...jsonTypes,
    'application/strategic-merge-patch+json',
  ])
})

test('a schema tells types, requirements and merge keys', () => {
  const pod = '/components/schemas/io.k8s.api.core.v1.PodSpec'
  assert.ok(has(core, `${pod}/required`, ['containers']))
  assert.ok(has(core, `${pod}/properties/containers/x-kubernetes-patch-merge-key`, 'name'))
  assert.ok(has(core, `${pod}/properties/containers/items/$ref`, '#/components/schemas/io.k8s.api.core.v1.Container'))
  assert.ok(has(core, '/components/schemas/io.k8s.api.core.v1.ContainerPort/properties/containerPort/format', 'int32'))
})

test('unions are marked, so that clients name what they keep when they patch them', () => {
  const strategy = '/components/schemas/io.k8s.api.apps.v1.DeploymentSpec/properties/strategy'
  assert.ok(has(apps, `${strategy}/x-kubernetes-patch-strategy`, 'retainKeys'))
  assert.ok(has(apps, `${strategy}/allOf`, [{ $ref: '#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy' }]))
  const volumes = '/components/schemas/io.k8s.api.core.v1.PodSpec/properties/volumes'
  assert.ok(has(apps, `${volumes}/x-kubernetes-patch-strategy`, 'merge,retainKeys'))
})

test('every reference leads to a component of the same document', () => {
  for (const document of [apps, core]) {
    const { schemas } = (document as { components: { schemas: Record<string, unknown> } }).components
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)
    for (const [, name = ''] of references) assert.ok(Object.hasOwn(schemas, name), name)
  }
})

test('a document holds only what its kinds reach', () => {
  assert.ok(!JSON.stringify(apps).includes('ServiceSpec'))
})

test('the v2 document is protobuf with a version and one path for each kind', () => {
  const fields = [...readFields(openApiV2(kinds))]
  assert.deepEqual(
    fields.map(({ number }) => number),
    [1, 2, 8],
  )
  const [swagger, , paths] = fields.map(({ value }) => (value.kind === 'bytes' ? value.bytes : new Uint8Array()))
  assert.equal(Buffer.from(swagger ?? []).toString(), '2.0')
  assert.equal([...readFields(paths ?? new Uint8Array())].length, kinds.length)
})
