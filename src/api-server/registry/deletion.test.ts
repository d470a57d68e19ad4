/** DELETE, finalizers, grace periods, namespaces: through the API. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { startTestServer } from '../testing/test-server.ts'
import type { TestClient } from '../testing/test-server.ts'

const NOTES = '/api/v1/namespaces/default/notes'
const PODS = '/api/v1/namespaces/default/pods'
const WIDGETS = '/apis/test.dev/v1/namespaces/default/widgets'
const NAMESPACES = '/api/v1/namespaces'

describe('delete', () => {
  test('removes at once what nothing holds back', async (t) => {
    const { client } = await startTestServer(t)
    const { json: note } = await client.post(NOTES, { metadata: { name: 'a' } })
    const { code, json } = await client.delete(`${NOTES}/a`)
    assert.equal(code, 200)
    assert.deepEqual(
      [json.kind, json.status, json.details],
      ['Status', 'Success', { name: 'a', kind: 'notes', uid: note.metadata.uid }],
    )
    assert.equal((await client.get(`${NOTES}/a`)).code, 404)
    assert.equal((await client.delete(`${NOTES}/a`)).code, 404)
  })

  test('waits for finalizers; the last one to go takes the object along', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(WIDGETS, { metadata: { name: 'a', finalizers: ['x.dev/one', 'x.dev/two'] }, spec: {} })
    const { json: pending } = await client.delete(`${WIDGETS}/a`)
    assert.equal(pending.kind, 'Widget')
    assert.ok(pending.metadata.deletionTimestamp)
    assert.equal(pending.metadata.generation, 2)
    const again = await client.delete(`${WIDGETS}/a`)
    assert.equal(again.json.metadata.resourceVersion, pending.metadata.resourceVersion)

    const added = await client.patch(`${WIDGETS}/a`, 'merge', {
      metadata: { finalizers: ['x.dev/one', 'x.dev/two', 'x.dev/three'] },
    })
    assert.match(added.json.message ?? '', /no new finalizers can be added if the object is being deleted/)
    await client.patch(`${WIDGETS}/a`, 'merge', { metadata: { finalizers: ['x.dev/one'] } })
    assert.equal((await client.get(`${WIDGETS}/a`)).code, 200)
    assert.equal((await client.patch(`${WIDGETS}/a`, 'merge', { metadata: { finalizers: null } })).code, 200)
    assert.equal((await client.get(`${WIDGETS}/a`)).code, 404)
  })

  test('leaves dependents to the collector as the policy says', async (t) => {
    const { client } = await startTestServer(t)
    const policies: [policy: string, finalizers: readonly string[], code: number][] = [
      ['Foreground', ['foregroundDeletion'], 202],
      ['Orphan', ['orphan'], 202],
    ]
    for (const [propagationPolicy, finalizers, expected] of policies) {
      await client.post(NOTES, { metadata: { name: 'a' } })
      const { code, json } = await client.delete(`${NOTES}/a`, { propagationPolicy })
      assert.equal(code, expected)
      assert.deepEqual(json.metadata.finalizers, finalizers)
      await client.patch(`${NOTES}/a`, 'merge', { metadata: { finalizers: null } })
    }
    await client.post(NOTES, { metadata: { name: 'a', finalizers: ['orphan'] } })
    assert.equal((await client.delete(`${NOTES}/a?propagationPolicy=Background`)).json.status, 'Success')
    await client.post(NOTES, { metadata: { name: 'a' } })
    assert.equal((await client.delete(`${NOTES}/a`, { propagationPolicy: 'Later' })).code, 400)
  })

  test('is held to its preconditions', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(NOTES, { metadata: { name: 'a' } })
    const uid = await client.delete(`${NOTES}/a`, { preconditions: { uid: 'other' } })
    assert.match(uid.json.message ?? '', /Precondition failed: UID in precondition: other/)
    const version = await client.delete(`${NOTES}/a`, { preconditions: { resourceVersion: '1' } })
    assert.equal(version.json.reason, 'Conflict')
    assert.equal((await client.delete(`${NOTES}/a?dryRun=All`)).json.status, 'Success')
    assert.equal((await client.get(`${NOTES}/a`)).code, 200)
  })

  test('gives a running pod its grace period, which can only be shortened', async (t) => {
    const clock = new FakeClock(Date.now())
    const { client } = await startTestServer(t, { clock })
    const pod = { metadata: { name: 'p' }, spec: { nodeName: 'n', terminationGracePeriodSeconds: 20 } }
    await client.post(PODS, pod)
    const { json: first } = await client.delete(`${PODS}/p`)
    assert.equal(first.metadata.deletionGracePeriodSeconds, 20)
    const inMs = Date.parse(first.metadata.deletionTimestamp ?? '') - clock.now()
    assert.ok(inMs > 19_000 && inMs <= 20_000)
    const { json: longer } = await client.delete(`${PODS}/p`, { gracePeriodSeconds: 60 })
    assert.equal(longer.metadata.deletionGracePeriodSeconds, 20)
    const { json: shorter } = await client.delete(`${PODS}/p`, { gracePeriodSeconds: 5 })
    assert.equal(shorter.metadata.deletionGracePeriodSeconds, 5)
    assert.equal((await client.delete(`${PODS}/p`, { gracePeriodSeconds: 0 })).json.status, 'Success')

    await client.post(PODS, { metadata: { name: 'unscheduled' } })
    assert.equal((await client.delete(`${PODS}/unscheduled`)).json.status, 'Success')
  })

  test('of a collection removes what is selected', async (t) => {
    const { client } = await startTestServer(t)
    for (const name of ['a', 'b', 'c']) {
      await client.post(NOTES, { metadata: { name, labels: { keep: String(name === 'b') } } })
    }
    const { json } = await client.delete(`${NOTES}?labelSelector=keep!=true`)
    assert.equal(json.items.length, 2)
    const rest = await client.get(NOTES)
    assert.deepEqual(
      rest.json.items.map(({ metadata }) => metadata.name),
      ['b'],
    )
  })
})

describe('namespaces', () => {
  test('stay until they are finalized, and take nothing new in the meantime', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(NAMESPACES, { metadata: { name: 'team' } })
    const { json: created } = await client.get(`${NAMESPACES}/team`)
    assert.equal(created.metadata.labels?.['kubernetes.io/metadata.name'], 'team')
    const { json: terminating } = await client.delete(`${NAMESPACES}/team`)
    assert.deepEqual(terminating.status, { phase: 'Terminating' })

    const { json } = await client.post(`${NAMESPACES}/team/notes`, { metadata: { name: 'late' } })
    assert.equal(json.code, 403)
    assert.equal(
      json.message,
      'notes "late" is forbidden: unable to create new content in namespace team because it is being terminated',
    )
    assert.equal(json.details?.causes?.[0]?.reason, 'NamespaceTerminating')

    await client.patch(`${NAMESPACES}/team`, 'merge', { spec: { finalizers: [] } })
    assert.equal((await client.get(`${NAMESPACES}/team`)).code, 200)
    const finalized = { ...terminating, spec: { finalizers: [] } }
    const stale = await client.put(`${NAMESPACES}/team/finalize`, { ...finalized, metadata: created.metadata })
    assert.equal(stale.json.reason, 'Conflict')
    assert.equal((await client.put(`${NAMESPACES}/team/finalize`, finalized)).code, 200)
    assert.equal((await client.get(`${NAMESPACES}/team`)).code, 404)
  })

  test('that the system needs cannot be deleted', async (t) => {
    const { client } = await startTestServer(t)
    const { json } = await client.delete(`${NAMESPACES}/default`)
    assert.equal(json.message, 'namespaces "default" is forbidden: this namespace may not be deleted')
  })
})

describe('cluster IPs', () => {
  const SERVICES = '/api/v1/namespaces/default/services'

  async function addressOf(client: TestClient, name: string, spec: object = {}): Promise<unknown> {
    return (await client.post(SERVICES, { metadata: { name }, spec })).json.spec['clusterIP']
  }

  test('are given from the network, each to one Service', async (t) => {
    const { client } = await startTestServer(t, { serviceNetwork: '127.20.128.0/29' })
    const addresses = await Promise.all([1, 2, 3, 4, 5, 6].map((number) => addressOf(client, `s${number}`)))
    assert.deepEqual(
      addresses.map(String).toSorted((a, b) => (a < b ? -1 : 1)),
      [1, 2, 3, 4, 5, 6].map((last) => `127.20.128.${last}`),
    )
    const full = await client.post(SERVICES, { metadata: { name: 's7' }, spec: {} })
    assert.equal(full.code, 500)
    assert.match(full.json.message ?? '', /range is full/)

    await client.delete(`${SERVICES}/s3`)
    assert.equal(await addressOf(client, 's7'), addresses[2])
  })

  test('are none for headless and external Services, or the one that was asked for', async (t) => {
    const { client } = await startTestServer(t)
    assert.equal(await addressOf(client, 'headless', { clusterIP: 'None' }), 'None')
    assert.equal(await addressOf(client, 'external', { type: 'ExternalName' }), undefined)
    assert.equal(await addressOf(client, 'chosen', { clusterIP: '127.20.130.7' }), '127.20.130.7')
    const taken = await client.post(SERVICES, { metadata: { name: 'x' }, spec: { clusterIP: '127.20.130.7' } })
    assert.match(taken.json.message ?? '', /failed to allocate IP 127.20.130.7: provided IP is already allocated/)
    const outside = await client.post(SERVICES, { metadata: { name: 'x' }, spec: { clusterIP: '10.0.0.1' } })
    assert.match(outside.json.message ?? '', /does not match the current range/)
  })

  test('survive updates that leave them out, and restarts', async (t) => {
    const { server, client, dataDir } = await startTestServer(t)
    const address = await addressOf(client, 's')
    const { json } = await client.put(`${SERVICES}/s`, { metadata: { name: 's' }, spec: { selector: { a: 'b' } } })
    assert.equal(json.spec['clusterIP'], address)
    const changed = await client.patch(`${SERVICES}/s`, 'merge', { spec: { clusterIP: '127.20.140.1' } })
    assert.match(changed.json.message ?? '', /may not change once set/)
    await server.stop()
    const { client: again } = await startTestServer(t, { dataDir })
    assert.equal((await again.get(`${SERVICES}/s`)).json.spec['clusterIP'], address)
    assert.notEqual(await addressOf(again, 'other'), address)
  })
})
