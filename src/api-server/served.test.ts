/** Resources that come and go while the server runs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WatchedValue } from '../base/watched.ts'
import type { Kind } from '../kinds/kind.ts'
import { objectMeta, typeMeta } from '../kinds/metadata.ts'
import { object, optional, string } from '../kinds/schema.ts'
import { testKinds } from './testing/test-kinds.ts'
import { startTestServer } from './testing/test-server.ts'

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
const GIZMOS = '/apis/late.dev/v1/namespaces/default/gizmos'

const gizmos: Kind = {
  type: { group: 'late.dev', version: 'v1', kind: 'Gizmo', plural: 'gizmos', namespaced: true },
  singular: 'gizmo',
  shortNames: ['gz'],
  categories: [],
  columns: [],
  schema: object({
    ...typeMeta,
    metadata: optional(objectMeta, 1),
    spec: optional(object({ color: optional(string) })),
  }),
  hasStatus: true,
  strategicPatch: false,
}

test('a resource that is added to a running server is discovered, written, read and watched at once', async (t) => {
  const kinds = new WatchedValue<readonly Kind[]>(testKinds)
  const { client } = await startTestServer(t, { kinds })
  assert.equal((await client.get(GIZMOS)).code, 404)
  const before = await client.get('/apis', { accept: AGGREGATED })
  const index = await client.get('/openapi/v3')

  kinds.set([...testKinds, gizmos])
  const after = await client.get('/apis', { accept: AGGREGATED, 'if-none-match': before.headers.etag ?? '' })
  assert.equal(after.code, 200, 'what clients have cached is out of date')
  assert.match(after.text, /"resource":"gizmos"/)
  assert.match((await client.get('/apis/late.dev/v1')).text, /"gizmos\/status"/)
  assert.notEqual((await client.get('/openapi/v3')).text, index.text)
  assert.match((await client.get('/openapi/v3/apis/late.dev/v1')).text, /dev\.late\.v1\.Gizmo/)

  const watch = await client.watch(`${GIZMOS}?watch=true`)
  assert.equal((await client.post(GIZMOS, { metadata: { name: 'a' }, spec: { color: 'red' } })).code, 201)
  assert.equal((await client.patch(`${GIZMOS}/a`, 'merge', { spec: { color: 'blue' } })).code, 200)
  assert.deepEqual((await client.get(GIZMOS)).json.items[0]?.spec, { color: 'blue' })
  assert.equal((await client.delete(`${GIZMOS}/a`)).code, 200)
  assert.deepEqual(
    (await watch.take(3)).map(({ type }) => type),
    ['ADDED', 'MODIFIED', 'DELETED'],
  )
})

test('a resource that goes ends its watches and no others; its objects are there again with it', async (t) => {
  const kinds = new WatchedValue<readonly Kind[]>([...testKinds, gizmos])
  const { client } = await startTestServer(t, { kinds })
  await client.post(GIZMOS, { metadata: { name: 'a' } })
  const gone = await client.watch(`${GIZMOS}?watch=true`)
  const other = await client.watch('/api/v1/namespaces/default/notes?watch=true')
  await gone.next()
  kinds.set(testKinds)
  assert.equal(await gone.next(), undefined)
  assert.equal((await client.get(`${GIZMOS}/a`)).code, 404)
  await client.post('/api/v1/namespaces/default/notes', { metadata: { name: 'n' } })
  assert.equal((await other.next())?.object.metadata.name, 'n')
  kinds.set([...testKinds, gizmos])
  assert.equal((await client.get(`${GIZMOS}/a`)).code, 200)
})

test('two kinds of one path are refused, and what was served goes on', async (t) => {
  const kinds = new WatchedValue<readonly Kind[]>(testKinds)
  const { client } = await startTestServer(t, { kinds })
  const twin = { ...gizmos, type: { ...gizmos.type, group: '', plural: 'notes', kind: 'Other' } }
  assert.throws(() => kinds.set([...testKinds, twin]), /Cannot serve \/v1\/notes: two kinds have this path/)
  assert.equal((await client.get('/api/v1/namespaces/default/notes')).code, 200)
})
