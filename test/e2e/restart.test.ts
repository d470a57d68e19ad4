/** `kill -9` of the control process: traffic goes on, nothing acknowledged is lost, and the work is finished. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployments } from '../../src/kinds/deployment.ts'
import { pods } from '../../src/kinds/pod.ts'
import { releases } from '../../src/kinds/release.ts'
import { objectKey } from '../../src/kube/object.ts'
import { startLoad } from '../support/load.ts'
import { processesOf, run, sluiceCommand, startSluice, temporaryDataDir } from '../support/sluice.ts'
import { ECHO_ROUTES, lines, sluiceTeller } from '../support/sluice-teller.ts'
import { releaseFile, storyFile } from '../support/story.ts'
import { clientOf, currentCondition, untilObject } from '../support/world.ts'

const SETUP = ['1-setup/echo.yaml', '1-setup/upstream.yaml', '1-setup/vs.yaml']

test('after kill -9 in the middle of the story traffic goes on, and the next up continues with the same pods', async (t) => {
  const dataDir = temporaryDataDir()
  const first = await startSluice(t, { dataDir })
  const teller = await sluiceTeller(first)
  for (const file of SETUP) await teller.apply(storyFile(file))
  await teller.untilAvailable('echo-v1')
  await teller.apply(storyFile('2-initial-subset-routing-to-v2/echo-v2.yaml'))
  await teller.untilAvailable('echo-v2')
  await teller.apply(storyFile('3-progressive-traffic-shift-to-v2/vs-2.yaml'))
  await teller.untilProgrammed()
  const before = await podsOf(first)

  const load = startLoad({ url: `${teller.gateway}/`, connections: 2, pauseMs: 2 })
  t.after(() => load.stop())
  await load.until(50)
  const applied = await run(
    sluiceCommand(first, 'apply', '-f', storyFile('3-progressive-traffic-shift-to-v2/vs-3.yaml')),
  )
  await first.kill()
  assert.equal(applied.code, 0, applied.stderr)
  await load.until(load.answers.length + 200)

  const second = await startSluice(t, { dataDir })
  assert.equal(second.ready.gateway, teller.gateway)
  const client = await clientOf(second)
  await untilObject(client, ECHO_ROUTES, (object) => currentCondition(object, 'Programmed')?.status === 'True')
  const mark = load.mark()
  await load.until(load.answers.length + 200)
  await load.stop()
  assert.deepEqual(load.failures(), [])
  assert.deepEqual(Object.keys(load.countSince(mark)), ['version:v2'])
  assert.deepEqual(await podsOf(second), before)
})

test('after kill -9 in the middle of a release the next up finishes it', async (t) => {
  const dataDir = temporaryDataDir()
  const first = await startSluice(t, { dataDir })
  const teller = await sluiceTeller(first)
  for (const file of SETUP) await teller.apply(storyFile(file))
  await teller.apply(storyFile('2-initial-subset-routing-to-v2/echo-v2.yaml'))
  await teller.untilAvailable('echo-v2')
  await teller.apply(storyFile('4-decommissioning-v1/vs.yaml'))
  await teller.untilProgrammed()

  const load = startLoad({ url: `${teller.gateway}/`, connections: 2, pauseMs: 2 })
  const smoke = startLoad({ url: `${teller.gateway}/`, connections: 1, pauseMs: 2, headers: { stage: 'canary' } })
  t.after(() => Promise.all([load.stop(), smoke.stop()]))
  lines(await run(sluiceCommand(first, 'apply', '-f', releaseFile('echo-v3.yaml'))))
  lines(await run(sluiceCommand(first, 'apply', '-f', releaseFile('release-v3.yaml'))))
  const release = { type: releases, key: objectKey('echo', 'echo-v3') }
  await untilObject(await clientOf(first), release, (object) => (object?.status?.traffic?.canaryWeight ?? 0) > 0)
  await first.kill()
  await load.until(load.answers.length + 100)

  const second = await startSluice(t, { dataDir })
  const client = await clientOf(second)
  await untilObject(client, release, (object) => object?.status?.phase === 'Succeeded')
  const mark = load.mark()
  await load.until(load.answers.length + 50)
  await Promise.all([load.stop(), smoke.stop()])
  assert.deepEqual([...load.failures(), ...smoke.failures()], [])
  assert.deepEqual(Object.keys(load.countSince(mark)), ['version:v3'])
  const old = await client.get(deployments, objectKey('echo', 'echo-v2'))
  assert.equal(old.spec.replicas, 0)
})

/** Name and process start of each pod of the story: a pod that was doubled or restarted shows. */
async function podsOf(sluice: Parameters<typeof clientOf>[0]): Promise<readonly unknown[]> {
  const client = await clientOf(sluice)
  const { items } = await client.list(pods, { namespace: 'echo' })
  return items
    .map((pod) => ({
      name: pod.metadata.name,
      ip: pod.status?.podIP,
      containers: pod.status?.containerStatuses?.map(({ restartCount, state }) => ({ restartCount, state })),
    }))
    .toSorted((a, b) => (a.name ?? '').localeCompare(b.name ?? ''))
}

test('a second up on the same data directory is refused, and SIGTERM leaves nothing running', async (t) => {
  const sluice = await startSluice(t)
  const teller = await sluiceTeller(sluice)
  for (const file of SETUP) await teller.apply(storyFile(file))
  await teller.untilAvailable('echo-v1')
  const second = await run([...sluiceCommand(sluice, 'up'), '--data-dir', sluice.dataDir, '--api-port', '0'])
  assert.equal(second.code, 1)
  assert.match(second.stderr, new RegExp(`"${sluice.dataDir}".*\\b${sluice.ready.pid}\\b`, 's'))
  assert.equal(await sluice.stop(), 0)
  assert.deepEqual(processesOf(sluice.dataDir), [])
})
