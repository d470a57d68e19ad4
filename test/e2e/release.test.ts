/** Releases on live traffic: a good one goes through without a lost request, a bad one is taken back by itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { releases } from '../../src/kinds/release.ts'
import { objectKey } from '../../src/kube/object.ts'
import { startLoad } from '../support/load.ts'
import { run, sluiceCommand, startSluice } from '../support/sluice.ts'
import { lines, sluiceTeller } from '../support/sluice-teller.ts'
import { releaseFile, storyFile } from '../support/story.ts'
import { clientOf, untilObject } from '../support/world.ts'

test('a good release goes through without a lost request, and a bad one is taken back', async (t) => {
  const sluice = await startSluice(t)
  const client = await clientOf(sluice)
  const teller = await sluiceTeller(sluice)
  const apply = async (file: string): Promise<string[]> => lines(await run(sluiceCommand(sluice, 'apply', '-f', file)))
  for (const file of ['1-setup/echo.yaml', '1-setup/upstream.yaml']) await apply(storyFile(file))
  await apply(storyFile('2-initial-subset-routing-to-v2/echo-v2.yaml'))
  await teller.untilAvailable('echo-v2')
  await apply(storyFile('4-decommissioning-v1/vs.yaml'))
  await teller.untilProgrammed()

  const plain = startLoad({ url: `${teller.gateway}/`, connections: 3, pauseMs: 2 })
  const smoke = startLoad({ url: `${teller.gateway}/`, connections: 1, pauseMs: 5, headers: { stage: 'canary' } })
  t.after(() => Promise.all([plain.stop(), smoke.stop()]))

  await apply(releaseFile('echo-v3.yaml'))
  await apply(releaseFile('release-v3.yaml'))
  const good = { type: releases, key: objectKey('echo', 'echo-v3') }
  await untilObject(client, good, (object) => object?.status?.phase === 'Succeeded')
  const afterGood = plain.mark()
  await plain.until(Math.max(2000, plain.answers.length + 50))
  assert.deepEqual([...plain.failures(), ...smoke.failures()], [])
  assert.deepEqual(Object.keys(plain.countSince(afterGood)), ['version:v3'])

  await apply(releaseFile('echo-v4.yaml'))
  await apply(releaseFile('release-v4.yaml'))
  const bad = { type: releases, key: objectKey('echo', 'echo-v4') }
  const takenBack = await untilObject(client, bad, (object) => object?.status?.phase === 'RolledBack')
  assert.match(takenBack?.status?.message ?? '', /success rate/i)
  const afterBad = plain.mark()
  await plain.until(plain.answers.length + 100)
  await Promise.all([plain.stop(), smoke.stop()])
  assert.deepEqual(Object.keys(plain.countSince(afterBad)), ['version:v3'])
})
