import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pods } from '../kinds/pod.ts'
import type { Pod } from '../kinds/pod.ts'
import { startApiLab } from '../../test/support/api-lab.ts'
import type { ApiLab } from '../../test/support/api-lab.ts'
import { createPod, isAlive, isReady, readAll, script, startAgent } from '../../test/support/node-agent-lab.ts'
import type { RunningAgent } from '../../test/support/node-agent-lab.ts'

let lab: ApiLab
let running: RunningAgent

before(async () => {
  lab = await startApiLab()
  running = await startAgent({
    ...lab,
    dataDir: join(lab.directory, 'data'),
    claimsDir: join(lab.directory, 'claims'),
  })
})

after(async () => {
  await running.close()
  await lab.close()
})

/** Follows the log of a container; the text so far, and all of it once the container has ended. */
function followed(name: string, container?: string) {
  const options = { follow: true, ...(container === undefined ? {} : { container }) }
  const chunks = running.agent.logs('default', name, options, AbortSignal.timeout(20_000))
  const seen = { text: '' }
  const all = (async () => {
    for await (const chunk of chunks) seen.text += Buffer.from(chunk).toString()
    return seen.text
  })()
  return { seen, all }
}

async function untilLogged(name: string, pattern: RegExp, container?: string): Promise<string> {
  const options = { follow: true, ...(container === undefined ? {} : { container }) }
  let text = ''
  for await (const chunk of running.agent.logs('default', name, options, AbortSignal.timeout(20_000))) {
    text += Buffer.from(chunk).toString()
    if (pattern.test(text)) break
  }
  return text
}

/** Says `name`, and `end name` when it is told to end, before it does what `then` says. */
const loop = (then: string): string => `trap '${then}' TERM; echo up; while :; do sleep 0.02; done`

test('only the first process is told to end, and what it leaves behind is killed', async () => {
  const worker = `sh -c 'trap "echo the worker was told" TERM; echo worker $$$$; while :; do sleep 0.02; done' &`
  const text = `${worker} trap 'echo the first was told; sleep 0.3; exit 0' TERM; while :; do sleep 0.02; done`
  const key = await createPod(lab, 'told', script(text))
  await lab.until(pods, key, isReady)
  const pid = Number(/worker (\d+)/.exec(await untilLogged('told', /worker \d+\n/))?.[1])
  const { all } = followed('told')
  await lab.client.delete(pods, key)
  await lab.until(pods, key, (pod) => pod === undefined)
  assert.match(await all, /the first was told/)
  assert.doesNotMatch(await all, /the worker was told/)
  assert.equal(isAlive(pid), false)
})

test('a container that ends takes along what left its session', async () => {
  const text = 'setsid sleep 60 & echo $!; sleep 0.1; exit 0'
  const key = await createPod(lab, 'daemon', { restartPolicy: 'Never', ...script(text) })
  await lab.until(pods, key, (pod) => pod?.status?.phase === 'Succeeded')
  const log = await readAll(running.agent.logs('default', 'daemon', {}, AbortSignal.timeout(5000)))
  assert.equal(isAlive(Number(log)), false)
})

test('a follower of a deleted pod reads its last lines', async () => {
  const key = await createPod(lab, 'talking', script(loop('echo the last words; exit 0')))
  await lab.until(pods, key, isReady)
  await untilLogged('talking', /up/)
  const { all } = followed('talking')
  await lab.client.delete(pods, key)
  await lab.until(pods, key, (pod) => pod === undefined)
  assert.match(await all, /the last words\n$/)
})

const sidecar = (name: string, text: string) =>
  ({ name, image: 'test/sh', restartPolicy: 'Always', args: [text] }) as const

test('sidecars end after the last container of their pod, and the pod has then succeeded', async () => {
  const key = await createPod(lab, 'job', {
    restartPolicy: 'Never',
    initContainers: [sidecar('shipper', loop('exit 3'))],
    ...script('sleep 0.2'),
  })
  const seen: (string | undefined)[] = []
  const pod = await lab.until(pods, key, (object) => {
    seen.push(object?.status?.phase)
    return object?.status?.phase === 'Succeeded'
  })
  const { state, restartCount } = pod?.status?.initContainerStatuses?.[0] ?? {}
  assert.deepEqual([state?.terminated?.exitCode, restartCount], [3, 0])
  assert.equal(conditionOf(pod, 'Initialized')?.status, 'True')
  assert.equal(seen.includes('Failed'), false)
})

test('a pod whose init container failed for good ends its sidecars', async () => {
  const key = await createPod(lab, 'broken', {
    restartPolicy: 'Never',
    initContainers: [sidecar('shipper', loop('exit 0')), { name: 'setup', image: 'test/sh', args: ['exit 1'] }],
    ...script('sleep 60'),
  })
  const pod = await lab.until(
    pods,
    key,
    (object) => object?.status?.initContainerStatuses?.[0]?.state?.terminated !== undefined,
  )
  assert.equal(pod?.status?.phase, 'Failed')
})

test('a pod that is deleted ends its containers first, then its sidecars, the last one first', async () => {
  const file = join(lab.directory, 'order')
  const slowly = (name: string): string =>
    loop(`echo ${name} begins >> ${file}; sleep 0.2; echo ${name} ends >> ${file}; exit 0`)
  const key = await createPod(lab, 'ordered', {
    initContainers: [sidecar('one', slowly('one')), sidecar('two', slowly('two'))],
    ...script(slowly('main')),
  })
  await lab.until(pods, key, isReady)
  for (const name of ['one', 'two', 'main']) await untilLogged('ordered', /up/, name)
  await lab.client.delete(pods, key)
  await lab.until(pods, key, (pod) => pod === undefined)
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  assert.deepEqual(
    lines,
    ['main', 'two', 'one'].flatMap((name) => [`${name} begins`, `${name} ends`]),
  )
})

test('when the grace period is over, sidecars do not wait for their turn', async () => {
  const key = await createPod(lab, 'late', {
    terminationGracePeriodSeconds: 1,
    initContainers: [sidecar('one', loop('echo one was told; exit 0'))],
    ...script(`trap '' TERM; echo up; while :; do sleep 0.02; done`),
  })
  const pod = await lab.until(pods, key, isReady)
  await untilLogged('late', /up/, 'main')
  const { all } = followed('late', 'one')
  await lab.client.delete(pods, key)
  await lab.until(pods, key, (object) => object === undefined)
  assert.match(await all, /one was told/)
  assert.equal(pod?.status?.initContainerStatuses?.[0]?.started, true)
})

test('a sidecar that is not ready keeps its pod from being ready', async () => {
  const readinessProbe = { exec: { command: ['false'] }, periodSeconds: 1 }
  const key = await createPod(lab, 'half', {
    initContainers: [{ ...sidecar('one', 'sleep 60'), readinessProbe }],
    ...script('sleep 60'),
  })
  const pod = await lab.until(pods, key, (object) => object?.status?.containerStatuses?.[0]?.ready === true)
  assert.equal(conditionOf(pod, 'Ready')?.message, 'containers with unready status: [one]')
})

function conditionOf(pod: Pod | undefined, type: string) {
  return pod?.status?.conditions?.find((condition) => condition.type === type)
}
