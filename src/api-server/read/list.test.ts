import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startTestServer } from '../testing/test-server.ts'
import type { TestAnswer, TestClient } from '../testing/test-server.ts'

const NOTES = '/api/v1/namespaces/default/notes'
const WIDGETS = '/apis/test.dev/v1/namespaces/default/widgets'

async function createNotes(client: TestClient, all: readonly string[]): Promise<void> {
  for (const name of all) await client.post(NOTES, { metadata: { name, labels: { name } } })
}

function names({ json }: TestAnswer): readonly (string | undefined)[] {
  return json.items.map(({ metadata }) => metadata.name)
}

describe('list', () => {
  test('is sorted by name and knows its version', async (t) => {
    const { client } = await startTestServer(t)
    await createNotes(client, ['c', 'a', 'b'])
    const answer = await client.get(NOTES)
    assert.deepEqual(names(answer), ['a', 'b', 'c'])
    assert.deepEqual([answer.json.kind, answer.json.apiVersion], ['NoteList', 'v1'])
    const newest = await client.get(`${NOTES}/b`)
    assert.equal(answer.json.metadata.resourceVersion, newest.json.metadata.resourceVersion)
  })

  test('over all namespaces takes each of them', async (t) => {
    const { client } = await startTestServer(t)
    await createNotes(client, ['a'])
    await client.post('/api/v1/namespaces/kube-system/notes', { metadata: { name: 'b' } })
    assert.deepEqual(names(await client.get('/api/v1/notes')), ['a', 'b'])
    assert.deepEqual(names(await client.get('/api/v1/namespaces/kube-system/notes')), ['b'])
    assert.equal((await client.post('/api/v1/notes', { metadata: { name: 'c' } })).code, 405)
  })

  test('in pages comes from one snapshot, whatever happens in between', async (t) => {
    const { client } = await startTestServer(t)
    await createNotes(client, ['a', 'b', 'c', 'd', 'e'])
    const first = await client.get(`${NOTES}?limit=2`)
    assert.deepEqual(names(first), ['a', 'b'])
    assert.equal(first.json.metadata.remainingItemCount, 3)
    await client.delete(`${NOTES}/d`)
    await client.patch(`${NOTES}/c`, 'merge', { data: { changed: 'yes' } })
    await createNotes(client, ['bb'])

    const token = first.json.metadata.continue ?? ''
    const second = await client.get(`${NOTES}?limit=2&continue=${token}`)
    assert.deepEqual(names(second), ['c', 'd'])
    assert.equal(second.json.items[0]?.data, undefined)
    assert.equal(second.json.metadata.resourceVersion, first.json.metadata.resourceVersion)
    const third = await client.get(`${NOTES}?limit=2&continue=${second.json.metadata.continue}`)
    assert.deepEqual(names(third), ['e'])
    assert.equal(third.json.metadata.continue, undefined)
    assert.equal((await client.get(`${NOTES}?continue=nonsense`)).code, 400)
    const negative = await client.get(`${NOTES}?limit=-1`)
    assert.equal(negative.code, 400)
    assert.match(negative.json.message ?? '', /limit: "-1" is not a whole number, 0 or greater$/)
    assert.equal((await client.get(`${NOTES}?resourceVersion=5&continue=${token}`)).code, 400)
  })

  test('does not tell how many remain where labels select', async (t) => {
    const { client } = await startTestServer(t)
    await createNotes(client, ['a', 'b', 'c'])
    const { json } = await client.get(`${NOTES}?limit=1&labelSelector=name in (a,b)`.replaceAll(' ', '%20'))
    assert.equal(json.metadata.remainingItemCount, undefined)
    assert.ok(json.metadata.continue)
  })

  test('selects by labels and fields, and refuses fields it does not know', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(WIDGETS, { metadata: { name: 'a', labels: { x: '1' } }, spec: { size: 'big' } })
    await client.post(WIDGETS, { metadata: { name: 'b', labels: { x: '2' } }, spec: {} })
    const by = async (query: string): Promise<unknown> => names(await client.get(`${WIDGETS}?${query}`))
    assert.deepEqual(await by('labelSelector=x%3D1'), ['a'])
    assert.deepEqual(await by('labelSelector=x,x%21%3D1'), ['b'])
    assert.deepEqual(await by('fieldSelector=spec.size%3Dbig'), ['a'])
    assert.deepEqual(await by('fieldSelector=metadata.name%3Db,metadata.namespace%3Ddefault'), ['b'])
    const unknown = await client.get(`${WIDGETS}?fieldSelector=spec.color%3Dred`)
    assert.deepEqual([unknown.code, unknown.json.message], [400, 'field label not supported: spec.color'])
    assert.equal((await client.get(`${WIDGETS}?labelSelector=x%3D%3D%3D`)).code, 400)
  })

  test('at a version gives the state of that version, or says that it is gone or still to come', async (t) => {
    const { client } = await startTestServer(t)
    await createNotes(client, ['a', 'b'])
    const { resourceVersion = '' } = (await client.get(`${NOTES}/a`)).json.metadata
    const at = (query: string): Promise<TestAnswer> => client.get(`${NOTES}?resourceVersion=${query}`)
    assert.deepEqual(names(await at(`${resourceVersion}&resourceVersionMatch=Exact`)), ['a'])
    assert.deepEqual(names(await at(`${resourceVersion}&limit=10`)), ['a'])
    assert.deepEqual(names(await at(resourceVersion)), ['a', 'b'])
    assert.deepEqual(names(await at('0&limit=500')), ['a', 'b'])
    const future = await at('99999')
    assert.deepEqual([future.code, future.json.details?.causes?.[0]?.reason], [504, 'ResourceVersionTooLarge'])
    assert.equal((await client.get(`${NOTES}/a?resourceVersion=99999`)).code, 504)
    assert.equal((await at('x')).code, 400)
    assert.equal((await at('0&resourceVersionMatch=Exact')).code, 422)
    assert.equal((await client.get(`${NOTES}?resourceVersionMatch=Exact`)).code, 422)
  })
})

describe('tables', () => {
  const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' }

  test('have a name, the columns of the kind and the metadata of the objects', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(WIDGETS, { metadata: { name: 'a' }, spec: { size: 'big' } })
    const { json } = await client.get(WIDGETS, TABLE)
    assert.deepEqual([json.kind, json.apiVersion], ['Table', 'meta.k8s.io/v1'])
    const columns = json['columnDefinitions'] as { name: string; priority: number }[]
    assert.deepEqual(
      columns.map(({ name, priority }) => [name, priority]),
      [
        ['Name', 0],
        ['Size', 0],
        ['Color', 1],
      ],
    )
    const rows = json['rows'] as { cells: unknown[]; object: { kind: string } }[]
    assert.deepEqual(rows[0]?.cells, ['a', 'big', ''])
    assert.equal(rows[0]?.object.kind, 'PartialObjectMetadata')
  })

  test('embed whole objects, or none, when asked to; single objects have one row', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(WIDGETS, { metadata: { name: 'a' }, spec: {} })
    const rows = async (path: string): Promise<{ object?: { kind: string } }[]> =>
      (await client.get(path, TABLE)).json['rows'] as { object?: { kind: string } }[]
    assert.equal((await rows(`${WIDGETS}?includeObject=Object`))[0]?.object?.kind, 'Widget')
    assert.equal((await rows(`${WIDGETS}/a?includeObject=None`))[0]?.object, undefined)
    assert.equal((await client.get(`${WIDGETS}?includeObject=Half`, TABLE)).code, 400)
  })

  test('metadata alone can be asked for; other media types cannot', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(NOTES, { metadata: { name: 'a' }, data: { a: 'secret' } })
    const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
    const { json, text } = await client.get(NOTES, { accept })
    assert.equal(json.kind, 'PartialObjectMetadataList')
    assert.equal(json.items[0]?.metadata.name, 'a')
    assert.ok(!text.includes('secret'))
    assert.equal((await client.get(NOTES, { accept: 'text/html' })).code, 406)
    const protobufOrJson = 'application/vnd.kubernetes.protobuf,application/json'
    assert.equal((await client.get(NOTES, { accept: protobufOrJson })).json.kind, 'NoteList')
  })

  test('a large answer is compressed for those who can read it', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(NOTES, { metadata: { name: 'a' }, data: { x: 'y'.repeat(200_000) } })
    const { headers } = await client.get(NOTES, { 'accept-encoding': 'gzip' })
    assert.equal(headers['content-encoding'], 'gzip')
    assert.ok(Number(headers['content-length']) < 10_000)
  })
})
