/** Bad input of every kind: a clear error that names the object and the field, and the traffic flows as before. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { releases } from '../../src/kinds/release.ts'
import { objectKey } from '../../src/kube/object.ts'
import { startLoad } from '../support/load.ts'
import { run, sluiceCommand, startSluice } from '../support/sluice.ts'
import { ECHO_ROUTES, sluiceTeller } from '../support/sluice-teller.ts'
import { storyFile } from '../support/story.ts'
import { clientOf, currentCondition, untilObject } from '../support/world.ts'

const ROUTES = readFileSync(storyFile('2-initial-subset-routing-to-v2/vs-1.yaml'), 'utf8')
const WEIGHTED = readFileSync(storyFile('3-progressive-traffic-shift-to-v2/vs-1.yaml'), 'utf8')
const DEPLOYMENT = readFileSync(storyFile('2-initial-subset-routing-to-v2/echo-v2.yaml'), 'utf8')

interface BadInput {
  readonly what: string
  readonly yaml: string
  /** All must stand in what the command says. */
  readonly says: readonly RegExp[]
}

const REFUSED_AT_ONCE: readonly BadInput[] = [
  {
    what: 'a matcher with a broken regex',
    yaml: ROUTES.replace('- prefix: /', '- regex: "/([a-z"'),
    says: [/virtualservice.*echo/i, /spec\.virtualHost\.routes\[0\]\.matchers\[0\]\.regex/],
  },
  {
    what: 'weights that sum to 0',
    yaml: WEIGHTED.replace('weight: 100', 'weight: 0'),
    says: [/virtualservice.*echo/i, /spec\.virtualHost\.routes\[1\]\.routeAction\.multi\.destinations/],
  },
  {
    what: 'an unknown field',
    yaml: DEPLOYMENT.replace('replicas: 1', 'replicaz: 1'),
    says: [/echo-v2/, /unknown field "spec\.replicaz"; did you mean "replicas"\?/],
  },
  {
    what: 'a wrong type',
    yaml: DEPLOYMENT.replace('replicas: 1', 'replicas: "many"'),
    says: [/echo-v2/, /spec\.replicas/],
  },
  { what: 'YAML that is not YAML', yaml: 'kind: [unclosed\n  a: b: c\n', says: [/standard input:1:8:/] },
  {
    what: 'an object of 10 MB',
    yaml: `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {blob: "${'x'.repeat(10_000_000)}"}\n`,
    says: [/big/, /too large/i],
  },
]

test('bad input is refused with the object and the field, and traffic flows as before', async (t) => {
  const sluice = await startSluice(t)
  const client = await clientOf(sluice)
  const teller = await sluiceTeller(sluice)
  for (const file of ['1-setup/echo.yaml', '1-setup/upstream.yaml', '2-initial-subset-routing-to-v2/vs-1.yaml']) {
    await teller.apply(storyFile(file))
  }
  await teller.untilAvailable('echo-v1')
  await teller.untilProgrammed()
  const load = startLoad({ url: `${teller.gateway}/`, connections: 1, pauseMs: 2 })
  t.after(() => load.stop())
  const trafficIsFine = async (): Promise<void> => {
    await load.until(load.answers.length + 20)
    assert.deepEqual(load.failures(), [])
    assert.deepEqual(Object.keys(load.countSince(0)), ['version:v1'])
  }

  for (const { what, yaml, says } of REFUSED_AT_ONCE) {
    await t.test(what, async () => {
      const result = await run(sluiceCommand(sluice, 'apply', '-f', '-'), { input: yaml })
      assert.equal(result.code, 1, result.stdout)
      for (const pattern of says) assert.match(result.stderr, pattern)
      await trafficIsFine()
    })
  }

  await t.test('an unknown subset: reported on the object, the last good version keeps serving', async () => {
    const unknown = ROUTES.replace('version: v1', 'color: blue')
    const result = await run(sluiceCommand(sluice, 'apply', '-f', '-'), { input: unknown })
    assert.equal(result.code, 0, result.stderr)
    const rejected = await untilObject(
      client,
      ECHO_ROUTES,
      (object) => currentCondition(object, 'Accepted')?.status === 'False',
    )
    assert.match(currentCondition(rejected, 'Accepted')?.message ?? '', /routes\[0\].*subset/s)
    await trafficIsFine()
  })

  await t.test('a Release that names what does not exist: says which, and where', async () => {
    const input = `
apiVersion: sluice.dev/v1alpha1
kind: Release
metadata: { name: ghost, namespace: echo }
spec:
  targets:
    - name: echo
      stable: { kind: Deployment, name: echo-v1 }
      canary: { kind: Deployment, name: no-such-deployment }
      routes: [{ apiVersion: gateway.solo.io/v1, kind: VirtualService, namespace: gloo-system, name: no-such-route }]
  steps: [{ weight: 100 }]
`
    const result = await run(sluiceCommand(sluice, 'apply', '-f', '-'), { input })
    assert.equal(result.code, 0, result.stderr)
    const release = { type: releases, key: objectKey('echo', 'ghost') }
    const waiting = await untilObject(client, release, (object) => (object?.status?.message ?? '') !== '')
    assert.match(waiting?.status?.message ?? '', /spec\.targets\[0\]\.(canary|routes\[0\]).*no-such-/s)
    await trafficIsFine()
  })
})
