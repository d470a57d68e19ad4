/** Server-side apply, through the API. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startTestServer } from '../testing/test-server.ts'
import type { TestAnswer, TestClient } from '../testing/test-server.ts'

const WIDGET = '/apis/test.dev/v1/namespaces/default/widgets/w'

function apply(client: TestClient, manager: string, spec: object, query = ''): Promise<TestAnswer> {
  const body = { apiVersion: 'test.dev/v1', kind: 'Widget', metadata: { name: 'w' }, spec }
  return client.request('PATCH', `${WIDGET}?fieldManager=${manager}${query}`, {
    body,
    headers: { 'content-type': 'application/apply-patch+yaml' },
  })
}

function part(name: string, image: string): object {
  return { name, image }
}

function owners({ json }: TestAnswer): unknown {
  return json.metadata.managedFields?.map(({ manager, operation, fieldsV1 }) => [manager, operation, fieldsV1])
}

/** What the manager owns of the spec. */
function fieldsOf({ json }: TestAnswer, manager: string): Readonly<Record<string, object>> {
  const entry = json.metadata.managedFields?.find((one) => one.manager === manager)
  return (entry?.fieldsV1 as { readonly 'f:spec'?: Readonly<Record<string, object>> } | undefined)?.['f:spec'] ?? {}
}

describe('server-side apply', () => {
  test('creates what is not there, owning what was applied and no defaults', async (t) => {
    const { client } = await startTestServer(t)
    const answer = await apply(client, 'alice', { replicas: 2 })
    assert.equal(answer.code, 201)
    assert.deepEqual(answer.json.spec, { size: 'small', replicas: 2 })
    assert.deepEqual(owners(answer), [['alice', 'Apply', { 'f:spec': { 'f:replicas': {} } }]])
    const again = await apply(client, 'alice', { replicas: 2 })
    assert.deepEqual([again.code, again.json], [200, answer.json])
  })

  test('takes away what its manager no longer applies, and leaves the rest', async (t) => {
    const { client } = await startTestServer(t)
    await apply(client, 'alice', { replicas: 2, legacy: true })
    await client.patch(`${WIDGET}?fieldManager=bob`, 'merge', { spec: { size: 'big' } })
    const { json } = await apply(client, 'alice', { replicas: 3 })
    assert.deepEqual(json.spec, { replicas: 3, size: 'big' })
  })

  test('of a field that another owns with another value is a conflict that names owner and field', async (t) => {
    const { client } = await startTestServer(t)
    await apply(client, 'alice', { replicas: 2, size: 'big' })
    await client.patch(`${WIDGET}?fieldManager=scaler`, 'merge', { spec: { replicas: 5 } })
    const { code, json } = await apply(client, 'alice', { replicas: 2, size: 'big' })
    assert.equal(code, 409)
    assert.equal(json.message, 'Apply failed with 1 conflict: conflict with "scaler" using test.dev/v1: .spec.replicas')
    assert.deepEqual(json.details?.causes, [
      { reason: 'FieldManagerConflict', message: 'conflict with "scaler" using test.dev/v1', field: '.spec.replicas' },
    ])
    const forced = await apply(client, 'alice', { replicas: 2, size: 'big' }, '&force=true')
    assert.deepEqual(forced.json.spec, { replicas: 2, size: 'big' })
    assert.deepEqual(owners(forced), [['alice', 'Apply', { 'f:spec': { 'f:replicas': {}, 'f:size': {} } }]])
  })

  test('of the same value is shared, and stays until its last owner lets go', async (t) => {
    const { client } = await startTestServer(t)
    await apply(client, 'alice', { replicas: 2 })
    assert.equal((await apply(client, 'bob', { replicas: 2 })).code, 200)
    assert.deepEqual((await apply(client, 'alice', {})).json.spec, { size: 'small', replicas: 2 })
    assert.deepEqual((await apply(client, 'bob', {})).json.spec, { size: 'small' })
  })

  test('follows lists by the key of their items', async (t) => {
    const { client } = await startTestServer(t)
    await apply(client, 'alice', { parts: [part('a', '1'), part('b', '1')] })
    await apply(client, 'bob', { parts: [part('c', '1')] })
    await client.patch(`${WIDGET}?fieldManager=ci`, 'strategic-merge', { spec: { parts: [part('b', '2')] } })
    const conflict = await apply(client, 'alice', { parts: [part('a', '1'), part('b', '1')] })
    assert.equal(
      conflict.json.message,
      'Apply failed with 1 conflict: conflict with "ci" using test.dev/v1: .spec.parts[name="b"].image',
    )
    const { json } = await apply(client, 'alice', { parts: [part('b', '2')] })
    assert.deepEqual(json.spec['parts'], [part('b', '2'), part('c', '1')])
    const answer = await apply(client, 'bob', {})
    assert.deepEqual(answer.json.spec['parts'], [part('b', '2')])
    assert.deepEqual(owners(answer), [
      ['ci', 'Update', { 'f:spec': { 'f:parts': { 'k:{"name":"b"}': { 'f:image': {} } } } }],
      ['alice', 'Apply', { 'f:spec': { 'f:parts': { 'k:{"name":"b"}': { 'f:name': {}, 'f:image': {} } } } }],
    ])
  })

  test('tells items apart by all keys of their list, with the default of a key that is left out', async (t) => {
    const { client } = await startTestServer(t)
    await apply(client, 'udp', { ports: [{ number: 53, protocol: 'UDP', name: 'udp' }] })
    const second = await apply(client, 'tcp', { ports: [{ number: 53, name: 'tcp' }] })
    assert.equal(second.code, 200)
    assert.deepEqual(second.json.spec['ports'], [
      { number: 53, protocol: 'UDP', name: 'udp' },
      { number: 53, name: 'tcp' },
    ])
    assert.deepEqual(Object.keys(fieldsOf(second, 'tcp')['f:ports'] ?? {}), ['k:{"number":53,"protocol":"TCP"}'])
    const spelled = await apply(client, 'tcp', { ports: [{ number: 53, protocol: 'TCP', name: 'tcp' }] })
    assert.equal((spelled.json.spec['ports'] as unknown[]).length, 2)
    const left = await apply(client, 'udp', {})
    assert.deepEqual(left.json.spec['ports'], [{ number: 53, protocol: 'TCP', name: 'tcp' }])
  })

  test('owns an atomic object as a whole: it is replaced, never mixed', async (t) => {
    const { client } = await startTestServer(t)
    const first = await apply(client, 'alice', { selector: { matchLabels: { app: 'a', tier: 'x' } } })
    assert.deepEqual(fieldsOf(first, 'alice'), { 'f:selector': {} })
    const { json } = await apply(client, 'alice', { selector: { matchLabels: { app: 'b' } } })
    assert.deepEqual(json.spec['selector'], { matchLabels: { app: 'b' } })
    const { message } = (await apply(client, 'bob', { selector: { matchLabels: { tier: 'y' } } })).json
    assert.equal(message, 'Apply failed with 1 conflict: conflict with "alice": .spec.selector')
  })

  test('shares a set value by value: each manager brings and takes its own finalizers', async (t) => {
    const { client } = await startTestServer(t)
    const finalizers = (manager: string, ...names: string[]): Promise<TestAnswer> =>
      client.request('PATCH', `${WIDGET}?fieldManager=${manager}`, {
        body: { apiVersion: 'test.dev/v1', kind: 'Widget', metadata: { name: 'w', finalizers: names } },
        headers: { 'content-type': 'application/apply-patch+yaml' },
      })
    await finalizers('alice', 'a.dev/one')
    const both = await finalizers('bob', 'b.dev/two')
    assert.deepEqual(both.json.metadata.finalizers, ['a.dev/one', 'b.dev/two'])
    const entry = both.json.metadata.managedFields?.find(({ manager }) => manager === 'bob')
    assert.deepEqual(entry?.fieldsV1, { 'f:metadata': { 'f:finalizers': { 'v:"b.dev/two"': {} } } })
    assert.deepEqual((await finalizers('alice')).json.metadata.finalizers, ['b.dev/two'])
  })

  test('words conflicts as the real server: of one manager together, a version only for one that does not apply', async (t) => {
    const { client } = await startTestServer(t)
    await apply(client, 'alice', { replicas: 2, size: 'big' })
    const one = await apply(client, 'bob', { replicas: 3 })
    assert.equal(one.json.message, 'Apply failed with 1 conflict: conflict with "alice": .spec.replicas')
    assert.equal(one.json.details?.causes?.[0]?.message, 'conflict with "alice"')
    const two = await apply(client, 'bob', { replicas: 3, size: 'small' })
    assert.equal(
      two.json.message,
      'Apply failed with 2 conflicts: conflicts with "alice":\n- .spec.replicas\n- .spec.size',
    )
  })

  test('takes a status only at /status, and there nothing else', async (t) => {
    const { client } = await startTestServer(t)
    const body = (color: unknown): object => ({
      apiVersion: 'test.dev/v1',
      kind: 'Widget',
      metadata: { name: 'w', labels: { from: 'status' } },
      spec: { replicas: 9 },
      status: { color },
    })
    const send = (path: string, color: unknown): Promise<TestAnswer> =>
      client.request('PATCH', `${path}?fieldManager=painter`, {
        body: body(color),
        headers: { 'content-type': 'application/apply-patch+yaml' },
      })
    assert.equal((await send(`${WIDGET}/status`, 'red')).code, 404)
    const made = await send(WIDGET, { not: 'judged' })
    assert.deepEqual([made.code, made.json.status], [201, undefined])
    await apply(client, 'painter', { replicas: 1 })
    const painted = await send(`${WIDGET}/status`, 'red')
    assert.deepEqual([painted.json.spec['replicas'], painted.json.status], [1, { color: 'red' }])
    assert.deepEqual(
      painted.json.metadata.managedFields?.map(({ subresource, fieldsV1 }) => [subresource, fieldsV1]),
      [
        [undefined, { 'f:spec': { 'f:replicas': {} } }],
        ['status', { 'f:status': { 'f:color': {} } }],
      ],
    )
  })

  test('by kubectl takes over what kubectl applied from the client side', async (t) => {
    const { client } = await startTestServer(t)
    const create = { metadata: { name: 'w' }, spec: { size: 'big' } }
    await client.post(`${WIDGET.slice(0, -2)}?fieldManager=kubectl-client-side-apply`, create)
    const answer = await apply(client, 'kubectl', { size: 'small' })
    assert.deepEqual(owners(answer), [['kubectl', 'Apply', { 'f:spec': { 'f:size': {} } }]])
  })

  test('needs a manager, the right name, and honest fields', async (t) => {
    const { client } = await startTestServer(t)
    assert.match((await apply(client, '', {})).json.message ?? '', /fieldManager: Required value/)
    const strict = await apply(client, 'a', { sise: 'x' }, '&fieldValidation=Strict')
    assert.match(strict.json.message ?? '', /unknown field "spec.sise"/)
    const dry = await apply(client, 'a', { size: 'x' }, '&dryRun=All')
    assert.equal(dry.code, 201)
    assert.equal((await client.get(WIDGET)).code, 404)
  })
})
