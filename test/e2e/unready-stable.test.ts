/** A release that may start although its stable version has no ready pod: who answers then is said, and why. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployments } from '../../src/kinds/deployment.ts'
import { virtualServices } from '../../src/dialects/gloo/kinds/virtual-service.ts'
import { releases } from '../../src/kinds/release.ts'
import { objectKey } from '../../src/kube/object.ts'
import { startLoad } from '../support/load.ts'
import { run, sluiceCommand, startSluice } from '../support/sluice.ts'
import { lines, sluiceTeller } from '../support/sluice-teller.ts'
import { clientOf, currentCondition, untilObject } from '../support/world.ts'

const WHY =
  'Deployment default/tea-v1 has no ready endpoint: its requests go on to other pods where the fallback policy of an Upstream says so, and fail elsewhere'

function deployment(version: string, image: string): object {
  const labels = { app: 'tea', version }
  const container = {
    name: 'tea',
    image,
    args: [`-text=${version}`, '-listen=:8080'],
    ports: [{ containerPort: 8080 }],
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `tea-${version}`, namespace: 'default' },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } },
  }
}

const OF_GLOO = { name: 'tea', namespace: 'gloo-system' }
const TO_STABLE = { single: { upstream: OF_GLOO, subset: { values: { version: 'v1' } } } }

const WORLD: readonly object[] = [
  deployment('v1', 'registry.example/none'),
  deployment('v2', 'hashicorp/http-echo'),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'tea', namespace: 'default' },
    spec: { selector: { app: 'tea' }, ports: [{ port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: 'gloo.solo.io/v1',
    kind: 'Upstream',
    metadata: OF_GLOO,
    spec: {
      kube: {
        serviceName: 'tea',
        serviceNamespace: 'default',
        servicePort: 80,
        subsetSpec: { selectors: [{ keys: ['version'] }] },
      },
    },
  },
  {
    apiVersion: 'gateway.solo.io/v1',
    kind: 'VirtualService',
    metadata: OF_GLOO,
    spec: { virtualHost: { domains: ['*'], routes: [{ matchers: [{ prefix: '/' }], routeAction: TO_STABLE }] } },
  },
]

function release(stable: 'RequireReady' | 'AllowUnready'): object {
  const route = { apiVersion: 'gateway.solo.io/v1', kind: 'VirtualService', ...OF_GLOO }
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Release',
    metadata: { name: 'tea', namespace: 'default' },
    spec: {
      targets: [
        {
          name: 'tea',
          stable: { kind: 'Deployment', name: 'tea-v1' },
          canary: { kind: 'Deployment', name: 'tea-v2' },
          routes: [route],
        },
      ],
      steps: [
        { name: 'ten-percent', weight: 10, gates: [{ approval: {} }] },
        { name: 'all', weight: 100 },
      ],
      onStart: { stable },
    },
  }
}

test('without a ready stable side a release waits; told to start all the same, it says who answers, and why', async (t) => {
  const sluice = await startSluice(t)
  const client = await clientOf(sluice)
  const teller = await sluiceTeller(sluice)
  const apply = async (objects: readonly object[]): Promise<string[]> => {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
    return lines(await run(sluiceCommand(sluice, 'apply', '-f', '-'), { input }))
  }
  const says = async (...args: readonly string[]): Promise<string> =>
    lines(await run(sluiceCommand(sluice, ...args))).join('\n')
  const tea = { type: releases, key: objectKey('default', 'tea') }

  await apply(WORLD)
  const canary = { type: deployments, key: objectKey('default', 'tea-v2') }
  await untilObject(client, canary, (object) => (object?.status?.availableReplicas ?? 0) > 0)
  const route = { type: virtualServices, key: objectKey('gloo-system', 'tea') }
  await untilObject(client, route, (object) => currentCondition(object, 'Programmed')?.status === 'True')
  while (!(await fetch(teller.gateway)).ok);
  await apply([release('RequireReady')])
  const waiting = await untilObject(client, tea, (object) => object?.status?.message?.includes('Cannot start') === true)
  assert.equal(waiting?.status?.phase, 'Pending')
  assert.match(
    waiting?.status?.message ?? '',
    /spec\.targets\[0\]\.stable: Deployment default\/tea-v1 has no ready endpoint: .*image.*; repair it, or set spec\.onStart\.stable to AllowUnready/,
  )

  await apply([release('AllowUnready')])
  await untilObject(client, tea, (object) => object?.status?.currentStep?.state === 'WaitingForApproval')
  const load = startLoad({ url: `${teller.gateway}/`, connections: 2, pauseMs: 5 })
  t.after(() => load.stop())
  await untilObject(client, tea, (object) => object?.status?.traffic?.observed?.canaryWeight === 100)

  const status = await says('release', 'status', 'tea', '-n', 'default')
  assert.match(status, /Traffic +stable 90 %, canary 10 %, as the routes say/)
  assert.match(status, /Observed +stable 0 %, canary 100 % of the requests/)
  assert.ok(status.includes(WHY), status)
  const why = await says('release', 'why', 'tea', '-n', 'default')
  assert.match(why, /canary 100 %/)
  assert.ok(why.includes(WHY), why)
  assert.match(await says('get', 'releases', '-n', 'default'), /10 \(100 observed\)/)
  assert.match(await says('events', '-n', 'default'), /StableLost .*Deployment default\/tea-v1 has no ready endpoint/)
  let metrics = ''
  for await (const line of client.lines('/metrics')) metrics += `${line}\n`
  assert.match(metrics, /^sluice_release_canary_configured_ratio\{namespace="default",release="tea"\} 0\.1$/m)
  assert.match(metrics, /^sluice_release_canary_observed_ratio\{namespace="default",release="tea"\} 1$/m)

  await says('release', 'approve', 'tea', '-n', 'default')
  const done = await untilObject(client, tea, (object) => object?.status?.phase === 'Succeeded')
  assert.equal(done?.status?.traffic?.observed, undefined)
  await load.stop()
  assert.deepEqual(load.failures(), [])
})
