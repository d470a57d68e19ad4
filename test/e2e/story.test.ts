/** The story with the product's own command line, alone and under load. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { objectKey } from '../../src/kube/object.ts'
import { deployments } from '../../src/kinds/deployment.ts'
import { virtualServices } from '../../src/kinds/gloo-virtual-service.ts'
import { startLoad } from '../support/load.ts'
import { run, sluiceCommand, startSluice } from '../support/sluice.ts'
import type { RunningSluice } from '../support/sluice.ts'
import { playStory } from '../support/story.ts'
import type { Teller } from '../support/story.ts'
import { clientOf, currentCondition, untilObject } from '../support/world.ts'

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

/** Tells the story with `sluice apply`. */
async function sluiceTeller(sluice: RunningSluice): Promise<Omit<Teller, 'alone'>> {
  const client = await clientOf(sluice)
  const echo = { type: virtualServices, key: objectKey('gloo-system', 'echo') }
  return {
    gateway: sluice.ready.gateway,
    apply: async (file) => lines(await run(sluiceCommand(sluice, 'apply', '-f', file))),
    untilProgrammed: async () => {
      await untilObject(client, echo, (object) => currentCondition(object, 'Programmed')?.status === 'True')
    },
    untilAvailable: async (name) => {
      await untilObject(client, { type: deployments, key: objectKey('echo', name) }, (object) => {
        return (object?.status?.availableReplicas ?? 0) >= (object?.spec.replicas ?? 1)
      })
    },
    deleteDeployment: async (name) => {
      lines(await run(sluiceCommand(sluice, 'delete', 'deploy', '-n', 'echo', name)))
    },
  }
}

function lines({ code, stdout, stderr }: { code: number | null; stdout: string; stderr: string }): string[] {
  assert.equal(code, 0, stderr)
  return stdout.trimEnd().split('\n')
}
