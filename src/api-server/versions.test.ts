/** One stored set of objects, served in several versions. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { deploymentKind } from '../kinds/deployment.ts'
import { namespaceKind } from '../kinds/namespace.ts'
import { replicaSetKind } from '../kinds/replica-set.ts'
import { startTestServer } from './testing/test-server.ts'
import type { TestClient, TestObject } from './testing/test-server.ts'

const EXTENSIONS = '/apis/extensions/v1beta1/namespaces/default/deployments'
const BETA1 = '/apis/apps/v1beta1/namespaces/default/deployments'
const BETA2 = '/apis/apps/v1beta2/namespaces/default/deployments'
const APPS = '/apis/apps/v1/namespaces/default/deployments'

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx:1' }] } }
const selector = { matchLabels: { app: 'web' } }

async function start(t: TestContext): Promise<TestClient> {
  const { client } = await startTestServer(t, { kinds: [namespaceKind, deploymentKind, replicaSetKind] })
  return client
}

function web(spec: object = {}): object {
  return { metadata: { name: 'web' }, spec: { template, ...spec } }
}

interface Entry {
  readonly manager: string
  readonly apiVersion: string
  readonly fieldsV1: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

function entriesOf({ metadata }: TestObject): readonly Entry[] {
  return (metadata.managedFields ?? []) as unknown as readonly Entry[]
}

describe('a Deployment of another version', () => {
  test('is one object in all of them: made in one, read, patched, scaled and deleted in others', async (t) => {
    const client = await start(t)
    const made = await client.post(EXTENSIONS, web())
    assert.equal(made.code, 201, made.text)
    assert.deepEqual([made.json.apiVersion, made.json.kind], ['extensions/v1beta1', 'Deployment'])
    for (const [path, apiVersion] of [
      [APPS, 'apps/v1'],
      [BETA1, 'apps/v1beta1'],
      [BETA2, 'apps/v1beta2'],
    ] as const) {
      const { json } = await client.get(`${path}/web`)
      assert.deepEqual([json.apiVersion, json.metadata.uid], [apiVersion, made.json.metadata.uid])
      assert.deepEqual((await client.get(path)).json.items[0], json)
    }
    const patched = await client.patch(`${BETA1}/web`, 'strategic-merge', { spec: { replicas: 3 } })
    assert.deepEqual([patched.code, patched.json.apiVersion], [200, 'apps/v1beta1'])
    assert.equal((await client.get(`${APPS}/web`)).json.spec['replicas'], 3)
    const scaled = await client.patch(`${EXTENSIONS}/web/scale`, 'merge', { spec: { replicas: 5 } })
    assert.equal(scaled.json.spec['replicas'], 5)
    assert.equal((await client.get(`${BETA2}/web`)).json.spec['replicas'], 5)
    assert.equal((await client.delete(`${EXTENSIONS}/web`)).json.details?.group, 'extensions')
    const gone = await client.get(`${APPS}/web`)
    assert.deepEqual([gone.code, gone.json.message], [404, 'deployments.apps "web" not found'])
  })

  test('is watched in the version of the watcher, whoever writes in which', async (t) => {
    const client = await start(t)
    const old = await client.watch(`${EXTENSIONS}?watch=true`)
    const now = await client.watch(`${APPS}?watch=true`)
    await client.post(BETA1, web())
    await client.patch(`${APPS}/web`, 'merge', { spec: { replicas: 2 } })
    await client.delete(`${BETA2}/web`)
    const seen = (events: Awaited<ReturnType<typeof old.take>>): readonly string[] =>
      events.map(({ type, object }) => `${type} ${object.apiVersion} ${String(object.spec['replicas'])}`)
    assert.deepEqual(seen(await old.take(3)), [
      'ADDED extensions/v1beta1 1',
      'MODIFIED extensions/v1beta1 2',
      'DELETED extensions/v1beta1 2',
    ])
    assert.deepEqual(seen(await now.take(3)), ['ADDED apps/v1 1', 'MODIFIED apps/v1 2', 'DELETED apps/v1 2'])
  })

  test('has the defaults of its time', async (t) => {
    const client = await start(t)
    const cases: [path: string, history: number, deadline: number, share: number | string][] = [
      [EXTENSIONS, 2147483647, 2147483647, 1],
      [BETA1, 2, 600, '25%'],
      [BETA2, 10, 600, '25%'],
      [APPS, 10, 600, '25%'],
    ]
    for (const [path, history, deadline, share] of cases) {
      const { json } = await client.post(path, web({ selector }))
      const { revisionHistoryLimit, progressDeadlineSeconds, strategy } = json.spec
      const rollingUpdate = { maxUnavailable: share, maxSurge: share }
      assert.deepEqual(
        { revisionHistoryLimit, progressDeadlineSeconds, strategy },
        {
          revisionHistoryLimit: history,
          progressDeadlineSeconds: deadline,
          strategy: { type: 'RollingUpdate', rollingUpdate },
        },
        path,
      )
      // A later read in another version shows what was stored: defaults are those of the write.
      assert.equal((await client.get(`${APPS}/web`)).json.spec['revisionHistoryLimit'], history)
      await client.delete(`${APPS}/web`)
    }
  })

  test('may leave its selector and labels to the template in the first two versions, and must not in the others', async (t) => {
    const client = await start(t)
    for (const path of [EXTENSIONS, BETA1]) {
      const { json } = await client.post(path, web())
      assert.deepEqual([json.spec['selector'], json.metadata.labels], [selector, { app: 'web' }])
      await client.delete(`${path}/web`)
    }
    for (const path of [BETA2, APPS]) {
      const { code, json } = await client.post(path, web())
      assert.equal(code, 422)
      assert.match(json.message ?? '', /spec\.selector: Required value/)
    }
    const bare = await client.post(EXTENSIONS, {
      metadata: { name: 'web' },
      spec: { template: { spec: template.spec } },
    })
    assert.deepEqual([bare.code, bare.json.details?.causes?.[0]?.field], [422, 'spec.selector'])
  })

  test('may change its selector in the first two versions alone', async (t) => {
    const client = await start(t)
    await client.post(APPS, web({ selector }))
    const other = { matchLabels: { app: 'other' } }
    const change = { spec: { selector: other, template: { metadata: { labels: { app: 'other' } } } } }
    for (const path of [BETA2, APPS]) {
      const { code, json } = await client.patch(`${path}/web`, 'merge', change)
      assert.equal(code, 422)
      assert.match(json.message ?? '', /spec\.selector: Invalid value: .*field is immutable/)
    }
    for (const path of [EXTENSIONS, BETA1]) {
      const { code, json } = await client.patch(`${path}/web`, 'merge', change)
      assert.deepEqual([code, json.spec['selector']], [200, other], path)
    }
  })

  test('keeps rollbackTo through the versions that have no such field', async (t) => {
    const client = await start(t)
    await client.post(EXTENSIONS, web())
    const asked = await client.patch(`${EXTENSIONS}/web`, 'merge', { spec: { rollbackTo: { revision: 3 } } })
    assert.deepEqual(asked.json.spec['rollbackTo'], { revision: 3 })
    assert.equal(asked.json.metadata.annotations, undefined)
    const { json } = await client.get(`${APPS}/web`)
    assert.equal(json.spec['rollbackTo'], undefined)
    assert.deepEqual(json.metadata.annotations, { 'deprecated.deployment.rollback.to': '3' })
    await client.patch(`${APPS}/web`, 'merge', { spec: { replicas: 2 } })
    assert.deepEqual((await client.get(`${BETA1}/web`)).json.spec['rollbackTo'], { revision: 3 })
    const cleared = await client.patch(`${BETA1}/web`, 'merge', { spec: { rollbackTo: null } })
    assert.equal(cleared.json.spec['rollbackTo'], undefined)
    assert.equal((await client.get(`${APPS}/web`)).json.metadata.annotations, undefined)
  })

  test('takes a DeploymentRollback where there was one', async (t) => {
    const client = await start(t)
    await client.post(APPS, web({ selector }))
    const request = { name: 'web', rollbackTo: { revision: 2 }, updatedAnnotations: { cause: 'undo' } }
    const { code, json } = await client.post(`${EXTENSIONS}/web/rollback`, request)
    assert.deepEqual([code, json.status], [201, 'Success'])
    const annotations = { cause: 'undo', 'deprecated.deployment.rollback.to': '2' }
    assert.deepEqual((await client.get(`${APPS}/web`)).json.metadata.annotations, annotations)
    assert.equal((await client.post(`${BETA1}/web/rollback`, { name: 'web' })).code, 201)
    assert.deepEqual((await client.get(`${BETA1}/web`)).json.spec['rollbackTo'], {})
    assert.equal((await client.post(`${BETA1}/web/rollback`, { name: 'other' })).code, 400)
    assert.equal((await client.post(`${BETA1}/web/rollback`, { ...request, rollbackTo: { revision: -1 } })).code, 400)
    assert.equal((await client.post(`${BETA2}/web/rollback`, request)).code, 404)
    const broken = { ...request, updatedAnnotations: { 'no key!': 'x' } }
    assert.equal((await client.post(`${EXTENSIONS}/web/rollback`, broken)).code, 422)
  })

  test('is refused in the words of its version: unknown fields, the wrong version in the body', async (t) => {
    const client = await start(t)
    const strict = await client.post(`${BETA2}?fieldValidation=Strict`, web({ selector, rollbackTo: { revision: 1 } }))
    assert.equal(strict.code, 400)
    assert.match(strict.json.message ?? '', /Deployment in version "v1beta2" .*unknown field "spec\.rollbackTo"/)
    const wrong = await client.post(EXTENSIONS, { apiVersion: 'apps/v1', kind: 'Deployment', ...web() })
    assert.equal(wrong.code, 400)
    const invalid = await client.post(EXTENSIONS, web({ replicas: -1 }))
    assert.match(invalid.json.message ?? '', /^Deployment\.extensions "web" is invalid: spec\.replicas/)
  })

  test('is one row in a table of its version', async (t) => {
    const client = await start(t)
    await client.post(APPS, web({ selector }))
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
    const { json } = await client.get(`${EXTENSIONS}?includeObject=Object`, { accept })
    const [row] = json['rows'] as { cells: unknown[]; object: TestObject }[]
    assert.deepEqual(row?.cells.slice(0, 2), ['web', '0/1'])
    assert.equal(row?.object.apiVersion, 'extensions/v1beta1')
  })
})

describe('who owns a field, over several versions', () => {
  test('each manager has its entry in the version that it writes in', async (t) => {
    const client = await start(t)
    await client.post(`${EXTENSIONS}?fieldManager=old`, web({ rollbackTo: { revision: 2 } }))
    await client.request('PATCH', `${APPS}/web?fieldManager=new`, {
      body: { spec: { replicas: 4 } },
      headers: { 'content-type': 'application/merge-patch+json' },
    })
    const entries = entriesOf((await client.get(`${APPS}/web`)).json)
    assert.deepEqual(
      entries.map(({ manager, apiVersion }) => [manager, apiVersion]),
      [
        ['old', 'extensions/v1beta1'],
        ['new', 'apps/v1'],
      ],
    )
    // The annotation of apps/v1 is the field of extensions/v1beta1: writing the one takes the other.
    assert.ok('f:rollbackTo' in (entries[0]?.fieldsV1['f:spec'] ?? {}))
    assert.ok(!('f:replicas' in (entries[0]?.fieldsV1['f:spec'] ?? {})))
    await client.request('PATCH', `${APPS}/web?fieldManager=new`, {
      body: { metadata: { annotations: { 'deprecated.deployment.rollback.to': '7' } } },
      headers: { 'content-type': 'application/merge-patch+json' },
    })
    const [old] = entriesOf((await client.get(`${APPS}/web`)).json)
    assert.ok(!('f:rollbackTo' in (old?.fieldsV1['f:spec'] ?? {})))
  })

  function apply(client: TestClient, path: string, manager: string, body: object) {
    return client.request('PATCH', `${path}/web?fieldManager=${manager}`, {
      body,
      headers: { 'content-type': 'application/apply-patch+yaml' },
    })
  }

  test('applies in two versions meet: one conflict, named by its field', async (t) => {
    const client = await start(t)
    const first = await apply(client, EXTENSIONS, 'one', web({ replicas: 2, rollbackTo: { revision: 2 } }))
    assert.equal(first.code, 201, first.text)
    const second = await apply(client, APPS, 'two', {
      metadata: { name: 'web', annotations: { 'deprecated.deployment.rollback.to': '3' } },
      spec: { replicas: 3 },
    })
    assert.equal(second.code, 409)
    assert.deepEqual(
      second.json.details?.causes?.map(({ field }) => field),
      ['.spec.replicas', '.spec.rollbackTo.revision'],
    )
    const forced = await apply(client, APPS, 'two&force=true', { metadata: { name: 'web' }, spec: { replicas: 3 } })
    assert.deepEqual([forced.code, forced.json.spec['replicas']], [200, 3])
  })

  test('a manager that goes on in another version loses what it does not apply any more, and nothing else', async (t) => {
    const client = await start(t)
    const minReadySeconds = 5
    await apply(client, EXTENSIONS, 'one', web({ minReadySeconds, rollbackTo: { revision: 2 } }))
    await client.patch(`${APPS}/web`, 'merge', { metadata: { annotations: { team: 'a' } } })
    const { code, json } = await apply(client, APPS, 'one', web({ selector }))
    assert.equal(code, 200)
    assert.deepEqual(json.metadata.annotations, { team: 'a' })
    assert.equal(json.spec['minReadySeconds'], undefined)
    assert.deepEqual(
      entriesOf(json)
        .filter(({ manager }) => manager === 'one')
        .map(({ apiVersion }) => apiVersion),
      ['apps/v1'],
    )
  })
})

describe('what clients are told', () => {
  test('each group lists its versions, the preferred one first, and the groups of old come last', async (t) => {
    const client = await start(t)
    const groups = (await client.get('/apis')).json['groups'] as {
      name: string
      versions: { version: string }[]
      preferredVersion: { version: string }
    }[]
    assert.deepEqual(
      groups.slice(0, 2).map(({ name, versions }) => [name, ...versions.map(({ version }) => version)]),
      [
        ['apps', 'v1', 'v1beta2', 'v1beta1'],
        ['extensions', 'v1beta1'],
      ],
    )
    assert.equal(groups[0]?.preferredVersion.version, 'v1')
    const old = (await client.get('/apis/extensions/v1beta1')).json['resources'] as { name: string; kind: string }[]
    assert.deepEqual(
      old.map(({ name }) => name),
      [
        'deployments',
        'deployments/status',
        'deployments/scale',
        'deployments/rollback',
        'replicasets',
        'replicasets/status',
        'replicasets/scale',
      ],
    )
  })

  test('the aggregated form has every version of a group', async (t) => {
    const client = await start(t)
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
    const { json } = await client.get('/apis', { accept })
    const [apps] = json.items as unknown as { versions: { version: string; resources: { resource: string }[] }[] }[]
    assert.deepEqual(
      apps?.versions.map(({ version, resources }) => `${version}: ${resources.map((each) => each.resource).join(' ')}`),
      ['v1: deployments replicasets', 'v1beta2: deployments replicasets', 'v1beta1: deployments'],
    )
  })

  test('OpenAPI describes each version with its own fields', async (t) => {
    const client = await start(t)
    const { json } = await client.get('/openapi/v3/apis/extensions/v1beta1')
    const { schemas } = json['components'] as { schemas: Record<string, { properties: object; required?: string[] }> }
    const spec = schemas['io.k8s.api.extensions.v1beta1.DeploymentSpec']
    assert.ok(spec !== undefined && 'rollbackTo' in spec.properties)
    assert.deepEqual(spec.required, ['template'])
    const apps = (await client.get('/openapi/v3/apis/apps/v1beta2')).text
    assert.match(apps, /io\.k8s\.api\.apps\.v1beta2\.DeploymentSpec/)
    assert.doesNotMatch(apps, /rollbackTo/)
    assert.match(
      (await client.get('/openapi/v2')).text,
      /apis\/extensions\/v1beta1\/namespaces\/\{namespace\}\/deployments/,
    )
  })
})

test('a ReplicaSet of extensions/v1beta1 is the one of apps/v1', async (t) => {
  const client = await start(t)
  const path = '/apis/extensions/v1beta1/namespaces/default/replicasets'
  const made = await client.post(path, web())
  assert.deepEqual([made.code, made.json.spec['selector']], [201, selector])
  const { json } = await client.get('/apis/apps/v1beta2/namespaces/default/replicasets/web')
  assert.deepEqual([json.apiVersion, json.metadata.uid], ['apps/v1beta2', made.json.metadata.uid])
  assert.equal((await client.get(`${path}?fieldSelector=status.replicas=0`)).json.items.length, 1)
})
