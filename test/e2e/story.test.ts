/** The story with the product's own command line, alone and under load. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startLoad } from '../support/load.ts'
import { startSluice } from '../support/sluice.ts'
import { sluiceTeller } from '../support/sluice-teller.ts'
import { playStory } from '../support/story.ts'

test('the story holds when told with sluice apply', async (t) => {
  const sluice = await startSluice(t)
  await playStory({ ...(await sluiceTeller(sluice)), alone: true })
})

test('no request is lost while the story goes on, and none follows old weights once the new ones are programmed', async (t) => {
  const sluice = await startSluice(t)
  const teller = await sluiceTeller(sluice)
  let load: ReturnType<typeof startLoad> | undefined
  t.after(() => load?.stop())
  let shifted = 0
  await playStory({
    ...teller,
    alone: false,
    onLive: (step) => {
      load ??= startLoad({ url: `${teller.gateway}/`, connections: 4, pauseMs: 2 })
      if (step.file === '3-progressive-traffic-shift-to-v2/vs-3.yaml') shifted = load.mark()
    },
  })
  assert.ok(load !== undefined)
  await load.until(2000)
  await load.stop()
  assert.deepEqual(load.failures(), [])
  assert.deepEqual(Object.keys(load.countSince(shifted)), ['version:v2'])
})
