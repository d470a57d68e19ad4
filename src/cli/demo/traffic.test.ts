import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import type { Sample } from './tally.ts'
import { startTraffic } from './traffic.ts'
import type { Traffic } from './traffic.ts'

/** Answers plain requests as v1 and v2 by turns, canary requests as v3. */
async function startEcho(t: TestContext): Promise<{ readonly url: string; readonly server: Server }> {
  let plain = 0
  const server = createServer((request, response) => {
    response.end(request.headers['stage'] === 'canary' ? 'version:v3\n' : `version:v${(plain++ % 2) + 1}\n`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server }
}

function start(t: TestContext, url: string): { readonly traffic: Traffic; readonly samples: Sample[] } {
  const samples: Sample[] = []
  const traffic = startTraffic({
    url,
    perSecond: 1_000,
    clock: systemClock,
    act: () => 7,
    onSample: (sample) => samples.push(sample),
  })
  t.after(() => traffic.stop())
  return { traffic, samples }
}

test('a batch is exactly so many plain requests, and no other plain request is among them', async (t) => {
  const { url } = await startEcho(t)
  const { traffic, samples } = start(t, url)
  assert.deepEqual(await traffic.batch(100), { v1: 50, v2: 50 })
  assert.deepEqual(await traffic.batch(20), { v1: 10, v2: 10 })
  await traffic.stop()
  assert.ok(samples.every(({ act, status }) => act === 7 && status === 200))
  const canaries = samples.filter(({ kind }) => kind === 'canary')
  assert.ok(canaries.length > 0)
  assert.ok(canaries.every(({ version }) => version === 'v3'))
})

test('one request tells the version it met', async (t) => {
  const { url } = await startEcho(t)
  const { traffic } = start(t, url)
  assert.equal(await traffic.one('canary'), 'v3')
})

test('a request without an answer is a sample too', async (t) => {
  const { url, server } = await startEcho(t)
  server.close()
  server.closeAllConnections()
  const { traffic, samples } = start(t, url)
  assert.equal(await traffic.one('plain'), '')
  await traffic.stop()
  const failed = samples.find(({ kind }) => kind === 'plain')
  assert.equal(failed?.status, 0)
  assert.match(failed.error, /ECONNREFUSED|socket hang up/)
})
