/** The agent's waiting, on a clock that the test moves. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pods } from '../kinds/pod.ts'
import type { Pod } from '../kinds/pod.ts'
import { startApiLab } from '../../test/support/api-lab.ts'
import type { ApiLab } from '../../test/support/api-lab.ts'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { CATALOGUE, createPod, isReady, readAll, script, startAgent } from '../../test/support/node-agent-lab.ts'
import type { RunningAgent } from '../../test/support/node-agent-lab.ts'

const clock = new FakeClock(Date.now())
let lab: ApiLab
let running: RunningAgent

before(async () => {
  lab = await startApiLab()
  running = await startAgent({
    ...lab,
    dataDir: join(lab.directory, 'data'),
    claimsDir: join(lab.directory, 'claims'),
    clock,
  })
})

after(async () => {
  await whileTimePasses(running.close())
  await lab.close()
})

/** Moves the clock on until `work` is done. */
async function whileTimePasses<T>(work: Promise<T>): Promise<T> {
  let isDone = false
  const done = work.finally(() => {
    isDone = true
  })
  while (!isDone) await clock.advance(100)
  return done
}

type Status = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]

function main(pod: Pod | undefined): Status | undefined {
  return pod?.status?.containerStatuses?.[0]
}

test('a container that keeps failing is restarted at once, then after 10 s, 20 s, …', async () => {
  const key = await createPod(lab, 'crashing', script('echo attempt; exit 1'))
  const looping = (restarts: number) => (pod: Pod | undefined) =>
    main(pod)?.state?.waiting?.reason === 'CrashLoopBackOff' && main(pod)?.restartCount === restarts
  const first = await lab.until(pods, key, looping(1))
  assert.match(main(first)?.state?.waiting?.message ?? '', /^back-off 10s restarting failed container=main/)
  assert.equal(main(first)?.lastState?.terminated?.exitCode, 1)
  assert.equal(first?.status?.phase, 'Running')
  await clock.advance(10_000)
  const second = await lab.until(pods, key, looping(2))
  assert.match(main(second)?.state?.waiting?.message ?? '', /^back-off 20s/)
  await clock.advance(19_999)
  assert.equal(main(await lab.client.get(pods, key))?.restartCount, 2)
  await clock.advance(1)
  await lab.until(pods, key, looping(3))
  const previous = running.agent.logs('default', 'crashing', { previous: true }, AbortSignal.timeout(5000))
  assert.equal(await readAll(previous), 'attempt\n')
})

test('an image that nobody mapped is waited for, and found once it is mapped', async () => {
  const key = await createPod(lab, 'unmapped', {
    containers: [{ name: 'main', image: 'example.com/app:1', args: ['30'] }],
  })
  const failed = await lab.until(pods, key, (pod) => main(pod)?.state?.waiting?.reason === 'ErrImagePull')
  const message = main(failed)?.state?.waiting?.message ?? ''
  assert.ok(message.includes('example.com/app:1') && message.includes(running.imagesFile), message)
  assert.equal(failed?.status?.phase, 'Pending')
  await clock.advance(10_000)
  await lab.until(pods, key, (pod) => main(pod)?.state?.waiting?.reason === 'ImagePullBackOff')
  writeFileSync(running.imagesFile, `${CATALOGUE}  - { image: example.com/app, entrypoint: [sleep] }\n`)
  await clock.advance(20_000)
  await lab.until(pods, key, isReady)
})

test('a pod that outstays its deadline fails', async () => {
  const key = await createPod(lab, 'late', { activeDeadlineSeconds: 60, ...script('sleep 600') })
  await lab.until(pods, key, isReady)
  await clock.advance(60_000)
  const pod = await lab.until(pods, key, (object) => object?.status?.phase === 'Failed')
  assert.equal(pod?.status?.reason, 'DeadlineExceeded')
  await lab.until(pods, key, (object) => main(object)?.state?.terminated !== undefined)
})

test('a container that opens no port is taken for ready after a while, with a warning', async () => {
  const key = await createPod(lab, 'silent', script('sleep 600', { ports: [{ containerPort: 9 }] }))
  const pod = await lab.until(pods, key, (object) => main(object)?.state?.running !== undefined)
  assert.equal(isReady(pod), false)
  await whileTimePasses(lab.until(pods, key, isReady))
})
