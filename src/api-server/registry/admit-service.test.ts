/** Services on their way in: what the server gives them, and takes with a change of type. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { kubernetesKinds as kinds } from '../../kinds/registry.ts'
import { startTestServer } from '../testing/test-server.ts'
import type { TestAnswer, TestClient } from '../testing/test-server.ts'

const SERVICES = '/api/v1/namespaces/default/services'

async function start(t: TestContext): Promise<TestClient> {
  const { client } = await startTestServer(t, { kinds })
  return client
}

function create(client: TestClient, name: string, ports: readonly object[], type = 'NodePort'): Promise<TestAnswer> {
  return client.post(SERVICES, { metadata: { name }, spec: { type, ports } })
}

function nodePorts({ json }: TestAnswer): readonly (number | undefined)[] {
  return (json.spec['ports'] as { readonly nodePort?: number }[]).map(({ nodePort }) => nodePort)
}

describe('node ports', () => {
  test('are given from 30000 to 32767, each to one Service, also under creates at the same time', async (t) => {
    const client = await start(t)
    const names = Array.from({ length: 50 }, (_, at) => `s${at}`)
    const answers = await Promise.all(names.map((name) => create(client, name, [{ port: 80 }])))
    const given = answers.flatMap(nodePorts)
    assert.equal(new Set(given).size, 50)
    assert.ok(given.every((port) => port !== undefined && port >= 30_000 && port <= 32_767))
  })

  test('are the ones that were asked for; one that is taken is refused, and free again once its Service is gone', async (t) => {
    const client = await start(t)
    assert.deepEqual(nodePorts(await create(client, 'a', [{ port: 80, nodePort: 30_080 }])), [30_080])
    const taken = await create(client, 'b', [{ port: 80, nodePort: 30_080 }])
    assert.equal(taken.code, 422)
    assert.equal(
      taken.json.message,
      'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated',
    )
    const outside = await create(client, 'b', [{ port: 80, nodePort: 80 }])
    assert.match(outside.json.message ?? '', /not in the valid range. The range of valid ports is 30000-32767/)
    await client.delete(`${SERVICES}/a`)
    assert.deepEqual(nodePorts(await create(client, 'b', [{ port: 80, nodePort: 30_080 }])), [30_080])
  })

  test('are one for a port over several protocols', async (t) => {
    const client = await start(t)
    const answer = await create(client, 'dns', [
      { name: 'udp', port: 53, protocol: 'UDP' },
      { name: 'tcp', port: 53, protocol: 'TCP' },
    ])
    const [udp, tcp] = nodePorts(answer)
    assert.equal(udp, tcp)
    assert.notEqual(udp, undefined)
  })

  test('stay over updates that leave them out, and a new port gets its own', async (t) => {
    const client = await start(t)
    const [first] = nodePorts(await create(client, 'a', [{ name: 'web', port: 80 }]))
    const spec = {
      type: 'NodePort',
      ports: [
        { name: 'web', port: 81 },
        { name: 'more', port: 90 },
      ],
    }
    const ports = nodePorts(await client.put(`${SERVICES}/a`, { metadata: { name: 'a' }, spec }))
    assert.equal(ports[0], first)
    assert.notEqual(ports[1], undefined)
    assert.notEqual(ports[1], first)
  })

  test('go with the type: who changes it to ClusterIP frees them, without naming them', async (t) => {
    const client = await start(t)
    const [port] = nodePorts(await create(client, 'a', [{ port: 80 }]))
    const answer = await client.patch(`${SERVICES}/a`, 'strategic-merge', { spec: { type: 'ClusterIP' } })
    assert.equal(answer.code, 200, answer.text)
    assert.deepEqual(nodePorts(answer), [undefined])
    assert.equal(answer.json.spec['externalTrafficPolicy'], undefined)
    assert.deepEqual(nodePorts(await create(client, 'b', [{ port: 80, nodePort: port }])), [port])
    const back = await client.patch(`${SERVICES}/a`, 'strategic-merge', { spec: { type: 'NodePort' } })
    assert.notEqual(nodePorts(back)[0], undefined)
    assert.notEqual(nodePorts(back)[0], port)
  })

  test('are given to load balancers unless they want none', async (t) => {
    const client = await start(t)
    assert.notEqual(nodePorts(await create(client, 'a', [{ port: 80 }], 'LoadBalancer'))[0], undefined)
    const spec = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ port: 80 }] }
    assert.deepEqual(nodePorts(await client.post(SERVICES, { metadata: { name: 'b' }, spec })), [undefined])
  })

  test('of a dry run are not taken', async (t) => {
    const client = await start(t)
    const body = { metadata: { name: 'a' }, spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 30_081 }] } }
    assert.equal((await client.post(`${SERVICES}?dryRun=All`, body)).code, 201)
    assert.equal((await create(client, 'b', [{ port: 80, nodePort: 30_081 }])).code, 201)
  })
})

test('a Service that becomes an external name gives up its address by changing the type alone', async (t) => {
  const client = await start(t)
  await create(client, 'a', [{ port: 80 }], 'ClusterIP')
  const spec = { type: 'ExternalName', externalName: 'example.com' }
  const answer = await client.patch(`${SERVICES}/a`, 'strategic-merge', { spec })
  assert.equal(answer.code, 200, answer.text)
  assert.equal(answer.json.spec['clusterIP'], undefined)
  assert.equal(answer.json.metadata.generation, 2)
})

test('the addresses that a Service gets at its creation are no change of its spec', async (t) => {
  const client = await start(t)
  assert.equal((await create(client, 'a', [{ port: 80 }])).json.metadata.generation, 1)
})
