import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startTestServer } from '../testing/test-server.ts'

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

describe('discovery', () => {
  test('lists groups and resources one by one', async (t) => {
    const { client } = await startTestServer(t)
    assert.deepEqual((await client.get('/api')).json['versions'], ['v1'])
    const groups = (await client.get('/apis')).json['groups'] as { name: string }[]
    assert.deepEqual(
      groups.map(({ name }) => name),
      ['test.dev', 'authorization.k8s.io', 'authentication.k8s.io'],
    )
    const list = (await client.get('/apis/test.dev/v1')).json
    assert.equal(list['groupVersion'], 'test.dev/v1')
    const resources = list['resources'] as { name: string; namespaced: boolean; categories?: string[] }[]
    assert.deepEqual(
      resources.map(({ name, namespaced }) => [name, namespaced]),
      [
        ['widgets', true],
        ['widgets/status', true],
        ['widgets/scale', true],
        ['gadgets', false],
      ],
    )
    assert.deepEqual(resources[0]?.categories, ['all'])
    assert.equal((await client.get('/apis/nowhere.dev/v1')).code, 404)
    assert.equal((await client.get('/apis/test.dev')).json.kind, 'APIGroup')
  })

  test('gives everything at once to those who ask for it, in the version they prefer', async (t) => {
    const { client } = await startTestServer(t)
    const accept = `${AGGREGATED},application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json`
    const { headers, json } = await client.get('/apis', { accept })
    assert.equal(headers['content-type'], AGGREGATED)
    assert.equal(json.kind, 'APIGroupDiscoveryList')
    const [group] = json.items as unknown as { versions: { resources: Record<string, unknown>[] }[] }[]
    const [widgets] = group?.versions[0]?.resources ?? []
    assert.deepEqual(
      [widgets?.['resource'], widgets?.['scope'], widgets?.['responseKind']],
      ['widgets', 'Namespaced', { group: 'test.dev', version: 'v1', kind: 'Widget' }],
    )
    const subresources = widgets?.['subresources'] as { subresource: string; responseKind: { kind: string } }[]
    assert.deepEqual(
      subresources.map(({ subresource, responseKind }) => [subresource, responseKind.kind]),
      [
        ['status', 'Widget'],
        ['scale', 'Scale'],
      ],
    )
    const beta = await client.get('/api', { accept: AGGREGATED.replace('v=v2', 'v=v2beta1') })
    assert.equal(beta.json.apiVersion, 'apidiscovery.k8s.io/v2beta1')
  })

  test('costs nothing while it does not change', async (t) => {
    const { client } = await startTestServer(t)
    const { headers } = await client.get('/apis', { accept: AGGREGATED })
    const again = await client.get('/apis', { accept: AGGREGATED, 'if-none-match': headers.etag ?? '' })
    assert.deepEqual([again.code, again.text], [304, ''])
    assert.equal(again.headers.etag, headers.etag)
    assert.equal(headers.vary, 'Accept')
  })
})

describe('OpenAPI', () => {
  test('v3 documents are found through an index and may be kept forever', async (t) => {
    const { client } = await startTestServer(t)
    const paths = (await client.get('/openapi/v3')).json['paths'] as Record<string, { serverRelativeURL: string }>
    const url = paths['apis/test.dev/v1']?.serverRelativeURL ?? ''
    const { json, headers } = await client.get(url)
    assert.equal(json['openapi'], '3.0.0')
    assert.match(headers['cache-control'] ?? '', /immutable/)
    assert.equal((await client.get(url, { 'if-none-match': headers.etag ?? '' })).code, 304)
    assert.equal((await client.get('/openapi/v3/apis/other/v1')).code, 404)
  })

  test('v2 is protobuf under a type that clients can parse', async (t) => {
    const { client } = await startTestServer(t)
    const { headers, text } = await client.get('/openapi/v2')
    assert.equal(headers['content-type'], 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf')
    assert.ok(text.includes('2.0'))
  })
})

test('what is not served is not found, as a Status', async (t) => {
  const { client } = await startTestServer(t)
  for (const path of [
    '/',
    '/nowhere',
    '/api/v1/widgets',
    '/apis/test.dev/v1/notes',
    '/api/v1/namespaces/default/pods/x/none',
  ]) {
    const { code, json } = await client.get(path)
    if (path === '/') assert.equal(code, 200)
    else assert.deepEqual([code, json.kind, json.reason], [404, 'Status', 'NotFound'], path)
  }
})
