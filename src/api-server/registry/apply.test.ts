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
