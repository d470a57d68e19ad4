/** A release is judged by the new version's own answers: on the loopback network that pods share, others may answer. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { deployments } from '../../src/kinds/deployment.ts'
import { events } from '../../src/kinds/event.ts'
import { pods } from '../../src/kinds/pod.ts'
import { releases } from '../../src/kinds/release.ts'
import { virtualServices } from '../../src/dialects/gloo/kinds/virtual-service.ts'
import { objectKey } from '../../src/kube/object.ts'
import { startLoad } from '../support/load.ts'
import { run, sluiceCommand, startSluice } from '../support/sluice.ts'
import { lines, sluiceTeller } from '../support/sluice-teller.ts'
import { clientOf, currentCondition, untilObject } from '../support/world.ts'

/** Listens on all addresses, as most programs do, and goes on when it cannot. */
const PROGRAM = `
  const answer = (request, response) => response.end(process.env.POD_NAME)
  require("http").createServer(answer).on("error", console.error).listen(process.env.PORT)
  setInterval(() => {}, 1000)`

function deployment(version: string, port: number): object {
  const labels = { app: 'orders', version }
  const container = {
    name: 'orders',
    image: 'node',
    command: ['node', '-e', PROGRAM],
    ports: [{ containerPort: port }],
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `orders-${version}`, namespace: 'default' },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } },
  }
}

const subset = (version: string) => ({
  single: { upstream: { name: 'orders', namespace: 'gloo-system' }, subset: { values: { version } } },
})

function world(port: number): readonly object[] {
  const ofGloo = { name: 'orders', namespace: 'gloo-system' }
  return [
    deployment('v1', port),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'orders', namespace: 'default' },
      spec: { selector: { app: 'orders' }, ports: [{ port: 80, targetPort: port }] },
    },
    {
      apiVersion: 'gloo.solo.io/v1',
      kind: 'Upstream',
      metadata: ofGloo,
      spec: {
        kube: {
          serviceName: 'orders',
          serviceNamespace: 'default',
          servicePort: 80,
          subsetSpec: { selectors: [{ keys: ['version'] }] },
        },
      },
    },
    {
      apiVersion: 'gateway.solo.io/v1',
      kind: 'VirtualService',
      metadata: ofGloo,
      spec: { virtualHost: { domains: ['*'], routes: [{ matchers: [{ prefix: '/' }], routeAction: subset('v1') }] } },
    },
  ]
}

const release = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'Release',
  metadata: { name: 'orders', namespace: 'default' },
  spec: {
    targets: [
      {
        name: 'orders',
        stable: { kind: 'Deployment', name: 'orders-v1' },
        canary: { kind: 'Deployment', name: 'orders-v2' },
        routes: [
          { apiVersion: 'gateway.solo.io/v1', kind: 'VirtualService', namespace: 'gloo-system', name: 'orders' },
        ],
      },
    ],
    steps: [
      { name: 'half', weight: 50, gates: [{ metrics: { minRequests: 10, successRate: { min: 99 }, window: '10s' } }] },
      { name: 'all', weight: 100 },
    ],
    // The canary's pod is looked at after the end.
    onFailure: { action: 'Rollback', canary: 'Keep' },
    progressDeadlineSeconds: 3,
  },
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}

test('a release does not succeed with answers that the old version gave in place of the new one', async (t) => {
  const port = await freePort()
  const sluice = await startSluice(t)
  const client = await clientOf(sluice)
  const teller = await sluiceTeller(sluice)
  const apply = async (objects: readonly object[]): Promise<string[]> => {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
    return lines(await run(sluiceCommand(sluice, 'apply', '-f', '-'), { input }))
  }
  const ofVersion = async (version: string) =>
    (await client.list(pods, { namespace: 'default', labelSelector: `version=${version}` })).items[0]

  await apply(world(port))
  const route = { type: virtualServices, key: objectKey('gloo-system', 'orders') }
  await untilObject(client, route, (object) => currentCondition(object, 'Programmed')?.status === 'True')
  const old = { type: deployments, key: objectKey('default', 'orders-v1') }
  await untilObject(client, old, (object) => (object?.status?.availableReplicas ?? 0) > 0)
  // Before the first success the proxies may not know yet that v1 is ready.
  while (!(await fetch(teller.gateway)).ok);
  const load = startLoad({ url: `${teller.gateway}/`, connections: 2, pauseMs: 5 })
  t.after(() => load.stop())

  await apply([deployment('v2', port), release])
  const key = objectKey('default', 'orders')
  const ended = await untilObject(client, { type: releases, key }, (object) =>
    ['Succeeded', 'RolledBack', 'Failed'].includes(object?.status?.phase ?? ''),
  )
  assert.equal(ended?.status?.phase, 'RolledBack')

  const [stable, canary] = [await ofVersion('v1'), await ofVersion('v2')]
  const message = `port ${port} is answered by pod ${stable?.metadata.name}: listen on $HOST in both pods, not on all addresses`
  const ready = canary?.status?.conditions?.find(({ type }) => type === 'Ready')
  assert.deepEqual([ready?.status, ready?.message], ['False', `containers with unready status: [orders]; ${message}`])
  const told = (await client.list(events, { namespace: 'default' })).items
  assert.ok(told.some((event) => event.involvedObject.name === canary?.metadata.name && event.message === message))
  await load.stop()
  assert.deepEqual(load.failures(), [])
})
