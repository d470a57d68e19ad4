/** Pods on their way in: their service account. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kubernetesKinds as kinds } from '../../kinds/registry.ts'
import { startTestServer } from '../testing/test-server.ts'

const PODS = '/api/v1/namespaces/default/pods'

function pod(name: string, spec: object = {}): object {
  return { metadata: { name }, spec: { containers: [{ name: 'web', image: 'pause' }], ...spec } }
}

test('a pod that names no service account gets `default`, and says that no token is mounted', async (t) => {
  const { client } = await startTestServer(t, { kinds })
  const { json, headers } = await client.post(PODS, pod('a'))
  const { serviceAccountName, serviceAccount, automountServiceAccountToken } = json.spec
  assert.deepEqual([serviceAccountName, serviceAccount, automountServiceAccountToken], ['default', 'default', false])
  assert.equal(headers['warning'], undefined)
})

test('a pod keeps the account that it names, and is warned where it wants a token', async (t) => {
  const { client } = await startTestServer(t, { kinds })
  const spec = { serviceAccountName: 'bot', automountServiceAccountToken: true }
  const { json, headers } = await client.post(PODS, pod('a', spec))
  assert.deepEqual([json.spec['serviceAccount'], json.spec['automountServiceAccountToken']], ['bot', true])
  assert.match(String(headers['warning']), /spec.automountServiceAccountToken: no token is mounted/)
})

test('an update that leaves the account out keeps it; another one is refused', async (t) => {
  const { client } = await startTestServer(t, { kinds })
  const { json: made } = await client.post(PODS, pod('a', { serviceAccountName: 'bot' }))
  const put = await client.put(`${PODS}/a`, { ...pod('a'), metadata: { name: 'a', labels: { x: 'y' } } })
  assert.equal(put.code, 200, put.text)
  assert.deepEqual(put.json.spec, made.spec)
  assert.equal(put.json.metadata.generation, 1)
  assert.equal((await client.put(`${PODS}/a`, pod('a', { serviceAccountName: 'other' }))).code, 422)
})
