/** Every request passes one place that says who may do what, and a refusal has Kubernetes' words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { startTestServer } from '../testing/test-server.ts'
import type { TestClient } from '../testing/test-server.ts'
import type { Authorizer } from './authorize.ts'

const NOTES = '/api/v1/namespaces/default/notes'
const WIDGETS = '/apis/test.dev/v1/namespaces/default/widgets'
const SCOPED = 'in the namespace "default"'

/** May do what `allows` names, in the form `verb resource` or `verb path`. */
function only(...allowed: readonly string[]): Authorizer {
  return {
    authorize: (_user, verb, target) => {
      const what = target.kind === 'path' ? target.path : [target.resource, target.subresource ?? []].flat().join('/')
      return { isAllowed: allowed.includes(`${verb} ${what}`), reason: 'no rule says so' }
    },
  }
}

async function start(t: TestContext, authorizer: Authorizer): Promise<TestClient> {
  const { client } = await startTestServer(t, { authorizer, ownPaths: { '/sluice.dev/echo': () => ({}) } })
  return client
}

test('what the user may not do is refused: every verb, subresource, path and watch', async (t) => {
  const client = await start(t, only())
  const merge = { 'content-type': 'application/merge-patch+json' }
  const apply = { 'content-type': 'application/apply-patch+yaml' }
  const cases: [request: string, headers: Record<string, string>, words: string][] = [
    [
      `GET ${NOTES}`,
      {},
      `notes is forbidden: User "sluice-admin" cannot list resource "notes" in API group "" ${SCOPED}`,
    ],
    [`GET ${NOTES}?watch=true`, {}, `cannot watch resource "notes" in API group "" ${SCOPED}`],
    [`GET /api/v1/watch/namespaces/default/notes/a`, {}, `notes "a" is forbidden: User "sluice-admin" cannot watch`],
    [`GET ${NOTES}/a`, {}, `notes "a" is forbidden: User "sluice-admin" cannot get resource "notes"`],
    ['GET /api/v1/notes', {}, 'cannot list resource "notes" in API group "" at the cluster scope'],
    [`POST ${NOTES}`, {}, 'cannot create resource "notes"'],
    [`PUT ${NOTES}/a`, {}, 'cannot update resource "notes"'],
    [`PATCH ${NOTES}/a`, merge, 'cannot patch resource "notes"'],
    [`PATCH ${NOTES}/a?fieldManager=m`, apply, 'cannot patch resource "notes"'],
    [`DELETE ${NOTES}/a`, {}, 'cannot delete resource "notes"'],
    [`DELETE ${NOTES}`, {}, 'cannot deletecollection resource "notes"'],
    [
      `GET ${WIDGETS}/a`,
      {},
      'widgets.test.dev "a" is forbidden: User "sluice-admin" cannot get resource "widgets" in API group "test.dev"',
    ],
    [`PUT ${WIDGETS}/a/status`, {}, 'cannot update resource "widgets/status" in API group "test.dev"'],
    [`PATCH ${WIDGETS}/a/scale`, merge, 'cannot patch resource "widgets/scale"'],
    ['GET /api/v1/namespaces/default/pods/p/log?follow=true', {}, 'cannot get resource "pods/log"'],
    ['POST /api/v1/namespaces/default/pods/p/binding', {}, 'cannot create resource "pods/binding"'],
    ['POST /api/v1/namespaces/default/pods/p/exec', {}, 'cannot create resource "pods/exec"'],
    [
      'PUT /api/v1/namespaces/team/finalize',
      {},
      `namespaces "team" is forbidden: User "sluice-admin" cannot update resource "namespaces/finalize" in API group "" at the cluster scope`,
    ],
    [
      'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      {},
      'cannot create resource "selfsubjectaccessreviews" in API group "authorization.k8s.io"',
    ],
    ['GET /metrics', {}, 'forbidden: User "sluice-admin" cannot get path "/metrics"'],
    ['GET /apis', {}, 'cannot get path "/apis"'],
    ['GET /openapi/v3', {}, 'cannot get path "/openapi/v3"'],
    ['GET /version', {}, 'cannot get path "/version"'],
    ['GET /sluice.dev/echo', {}, 'cannot get path "/sluice.dev/echo"'],
    ['GET /apis/nowhere.dev/v1/things', {}, 'cannot list resource "things" in API group "nowhere.dev"'],
  ]
  for (const [request, headers, words] of cases) {
    const [method = '', path = ''] = request.split(' ')
    const options = method === 'GET' ? { headers } : { headers, body: {} }
    const { code, json } = await client.request(method, path, options)
    assert.deepEqual([code, json.reason], [403, 'Forbidden'], request)
    assert.ok((json.message ?? '').includes(words), `${request}: ${json.message}`)
    assert.ok((json.message ?? '').endsWith(': no rule says so'), request)
  }
})

test('a refusal names the resource in its details, as clients look for it', async (t) => {
  const client = await start(t, only())
  const { json } = await client.get(`${WIDGETS}/a`)
  assert.deepEqual(json.details, { name: 'a', group: 'test.dev', kind: 'widgets' })
})

test('what the user may do is done, and nothing beside it', async (t) => {
  const client = await start(t, only('create notes', 'list notes', 'get /version'))
  assert.equal((await client.post(NOTES, { metadata: { name: 'a' } })).code, 201)
  assert.equal((await client.get(NOTES)).code, 200)
  assert.equal((await client.get('/version')).code, 200)
  assert.equal((await client.get(`${NOTES}/a`)).code, 403)
  assert.equal((await client.get(`${NOTES}?watch=true`)).code, 403)
})

test('an apply that creates needs the right to create, one that changes does not', async (t) => {
  const rights = new Set(['patch notes', 'create notes'])
  const client = await start(t, {
    authorize: (user, verb, target) => only(...rights).authorize(user, verb, target),
  })
  const headers = { 'content-type': 'application/apply-patch+yaml' }
  const apply = (name: string): ReturnType<typeof client.request> =>
    client.request('PATCH', `${NOTES}/${name}?fieldManager=m`, { headers, body: { data: { a: 'b' } } })
  assert.equal((await apply('a')).code, 201)
  rights.delete('create notes')
  assert.equal((await apply('a')).code, 200)
  const { code, json } = await apply('b')
  assert.equal(code, 403)
  assert.match(json.message ?? '', /^notes "b" is forbidden: User "sluice-admin" cannot create resource "notes"/)
})

test('a user is told what he may do', async (t) => {
  const reviews = '/apis/authorization.k8s.io/v1'
  const client = await start(
    t,
    only('create selfsubjectaccessreviews', 'create selfsubjectrulesreviews', 'get pods/log', 'get /metrics'),
  )
  const ask = async (spec: object): Promise<unknown> =>
    (await client.post(`${reviews}/selfsubjectaccessreviews`, { spec })).json['status']
  const log = { verb: 'get', resource: 'pods', subresource: 'log', namespace: 'default' }
  assert.deepEqual(await ask({ resourceAttributes: log }), { allowed: true, reason: 'no rule says so' })
  assert.deepEqual(await ask({ resourceAttributes: { ...log, subresource: 'exec' } }), {
    allowed: false,
    reason: 'no rule says so',
  })
  const path = { verb: 'get', path: '/metrics' }
  assert.deepEqual(await ask({ nonResourceAttributes: path }), { allowed: true, reason: 'no rule says so' })
  assert.equal((await client.post(`${reviews}/selfsubjectaccessreviews`, { spec: {} })).code, 400)
  const rules = (await client.post(`${reviews}/selfsubjectrulesreviews`, { spec: { namespace: 'default' } })).json
  assert.equal((rules['status'] as unknown as { incomplete: boolean }).incomplete, true)
})
