import assert from 'node:assert/strict'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { isReason } from '../kube/api-error.ts'
import { objectKey } from '../kube/object.ts'
import { configMaps } from '../kinds/config-map.ts'
import { events } from '../kinds/event.ts'
import { pods } from '../kinds/pod.ts'
import type { Pod } from '../kinds/pod.ts'
import { secrets } from '../kinds/secret.ts'
import { startApiLab } from '../../test/support/api-lab.ts'
import type { ApiLab } from '../../test/support/api-lab.ts'
import {
  createPod,
  isAlive,
  isReady,
  pidOf,
  readAll,
  script,
  startAgent,
  untilTrue,
} from '../../test/support/node-agent-lab.ts'
import type { RunningAgent } from '../../test/support/node-agent-lab.ts'

let lab: ApiLab
let running: RunningAgent
const drains = new Map<string, () => void>()

before(async () => {
  lab = await startApiLab()
  running = await startAgent({
    ...lab,
    dataDir: join(lab.directory, 'data'),
    claimsDir: join(lab.directory, 'claims'),
    untilDrained: (address) => (slow.has(address) ? held(address) : Promise.resolve()),
  })
})

after(async () => {
  await running.close()
  await lab.close()
})

/** Addresses whose traffic ends only when the test says so. */
const slow = new Set<string>()
function held(address: string): Promise<void> {
  return new Promise((resolve) => {
    drains.set(address, resolve)
  })
}

function directoryOf(pod: Pod | undefined): string {
  const { namespace, name, uid } = pod?.metadata ?? {}
  return join(lab.directory, 'data', 'pods', `${namespace}_${name}_${uid}`)
}

function logsOf(name: string, options: Parameters<RunningAgent['agent']['logs']>[2] = {}): Promise<string> {
  return readAll(running.agent.logs('default', name, options, AbortSignal.timeout(20_000)))
}

async function untilLogged(name: string, pattern: RegExp): Promise<string> {
  let text = ''
  for await (const chunk of running.agent.logs('default', name, { follow: true }, AbortSignal.timeout(20_000))) {
    text += Buffer.from(chunk).toString()
    if (pattern.test(text)) break
  }
  return text
}

test('a pod answers on its own address, and nothing is left of it after its deletion', async () => {
  const key = await createPod(lab, 'echo', {
    containers: [
      {
        name: 'echo',
        image: 'hashicorp/http-echo:1.0',
        args: ['-text=version:v1', '-listen=:8080'],
        ports: [{ containerPort: 8080 }],
      },
    ],
  })
  const pod = await lab.until(pods, key, isReady)
  assert.equal(pod?.spec.nodeName, 'sluice')
  assert.equal(pod?.status?.phase, 'Running')
  assert.match(pod?.status?.podIP ?? '', /^127\.\d+\.\d+\.\d+$/)
  const answer = await fetch(`http://${pod?.status?.podIP}:8080/`)
  assert.equal(await answer.text(), 'version:v1\n')
  await lab.client.delete(pods, key)
  await lab.until(pods, key, (object) => object === undefined)
  assert.equal(isAlive(pidOf(pod)), false)
  assert.deepEqual(
    readdirSync(join(lab.directory, 'data', 'pods')).filter((name) => name.includes('_echo_')),
    [],
  )
})

test('two pods listen on the same port', async () => {
  const keys = await Promise.all(
    ['one', 'two'].map((name) =>
      createPod(lab, name, {
        containers: [
          {
            name,
            image: 'hashicorp/http-echo',
            args: ['-text', name, '-listen', ':5678'],
            ports: [{ containerPort: 5678 }],
          },
        ],
      }),
    ),
  )
  const texts = keys.map(async (key) => {
    const pod = await lab.until(pods, key, isReady)
    return (await fetch(`http://${pod?.status?.podIP}:5678/`)).text()
  })
  assert.deepEqual(await Promise.all(texts), ['one\n', 'two\n'])
})

test('the environment holds what the manifest says, and nothing of the control plane', async () => {
  const metadata = { name: 'settings', namespace: 'default' }
  await lab.client.create(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data: { color: 'blue', 'log.level': 'debug' },
  })
  const password = Buffer.from('s3cret').toString('base64')
  await lab.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata, data: { password } })
  process.env['SLUICE_TEST_SECRET'] = 'hidden'
  const key = await createPod(lab, 'env', {
    restartPolicy: 'Never',
    containers: [
      {
        name: 'main',
        image: 'test/sh',
        command: ['sh', '-c', "env; echo 'arg $(GREETING) $$(GREETING) $(MISSING)'"],
        ports: [{ containerPort: 81 }],
        envFrom: [
          { configMapRef: { name: 'settings' } },
          { prefix: 'NO_', configMapRef: { name: 'no', optional: true } },
        ],
        env: [
          { name: 'GREETING', value: 'hello $(color)' },
          { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'settings', key: 'password' } } },
          { name: 'WHERE', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        ],
      },
    ],
  })
  const pod = await lab.until(pods, key, (object) => object?.status?.phase === 'Succeeded')
  delete process.env['SLUICE_TEST_SECRET']
  const lines = (await logsOf('env')).split('\n')
  const ip = pod?.status?.podIP
  const expected = ['color=blue', 'GREETING=hello blue', 'PASSWORD=s3cret', `WHERE=${ip}`, `POD_IP=${ip}`]
  for (const line of [...expected, `HOST=${ip}`, 'PORT=81', 'POD_NAME=env', 'POD_NAMESPACE=default']) {
    assert.ok(lines.includes(line), `${line} is missing in ${lines.join(' ')}`)
  }
  assert.ok(lines.includes('arg hello blue $(GREETING) $(MISSING)'))
  const ours = lines.filter((line) => line.startsWith('SLUICE_') || line.startsWith('npm_'))
  assert.deepEqual(ours, [`SLUICE_CONTAINER=${join(directoryOf(pod), 'main', '0.pid')}`])
})

test('a variable may have a name that no shell knows', async () => {
  const env = [{ name: 'log.level', value: 'debug' }]
  const key = await createPod(lab, 'dotted', {
    restartPolicy: 'Never',
    ...script('', { command: ['env'], args: [], env }),
  })
  await lab.until(pods, key, (object) => object?.status?.phase === 'Succeeded')
  assert.match(await logsOf('dotted'), /^log\.level=debug$/m)
})

test('a missing ConfigMap keeps the container waiting and says which', async () => {
  const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'absent', key: 'a' } } }]
  const key = await createPod(lab, 'unconfigured', script('sleep 60', { env }))
  const pod = await lab.until(
    pods,
    key,
    (object) => object?.status?.containerStatuses?.[0]?.state?.waiting?.message !== undefined,
  )
  const waiting = pod?.status?.containerStatuses?.[0]?.state?.waiting
  assert.equal(waiting?.reason, 'CreateContainerConfigError')
  assert.match(waiting?.message ?? '', /configmap "absent" not found/)
  assert.equal(pod?.status?.phase, 'Pending')
})

test('what a local process cannot have is refused with a reason', async () => {
  const key = await createPod(lab, 'mounts', {
    volumes: [{ name: 'data', emptyDir: {} }],
    ...script('sleep 60', { volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
  })
  const pod = await lab.until(
    pods,
    key,
    (object) => object?.status?.containerStatuses?.[0]?.state?.waiting?.message !== undefined,
  )
  assert.match(pod?.status?.containerStatuses?.[0]?.state?.waiting?.message ?? '', /volumeMounts are not supported/)
})

test('traffic ends before the process is told to stop', async () => {
  const key = await createPod(lab, 'draining', script('trap "exit 0" TERM; echo up; while :; do sleep 0.05; done'))
  const pod = await lab.until(pods, key, isReady)
  const address = pod?.status?.podIP ?? ''
  slow.add(address)
  await lab.client.delete(pods, key)
  await untilTrue(() => drains.has(address))
  assert.equal(isAlive(pidOf(pod)), true)
  assert.notEqual((await lab.client.get(pods, key)).metadata.deletionTimestamp, undefined)
  drains.get(address)?.()
  await lab.until(pods, key, (object) => object === undefined)
  assert.equal(isAlive(pidOf(pod)), false)
})

test('a process that ignores SIGTERM is killed with its children when the grace period is over', async () => {
  const key = await createPod(lab, 'stubborn', {
    terminationGracePeriodSeconds: 1,
    ...script('trap "" TERM; while :; do sleep 1; done & echo $!; wait'),
  })
  const pod = await lab.until(pods, key, isReady)
  const child = Number(await untilLogged('stubborn', /^\d+\n/))
  await lab.client.delete(pods, key)
  await lab.until(pods, key, (object) => object === undefined)
  assert.deepEqual([isAlive(pidOf(pod)), isAlive(child)], [false, false])
})

test('a forced deletion takes the process along', async () => {
  const key = await createPod(lab, 'forced', script('sleep 60'))
  const pod = await lab.until(pods, key, isReady)
  await lab.client.delete(pods, key, { gracePeriodSeconds: 0 })
  await untilTrue(() => !isAlive(pidOf(pod)))
})

test('a container that fails its readiness probe gets no traffic, one that fails its liveness probe is restarted', async () => {
  const flag = join(lab.directory, 'ready')
  const probe = { exec: { command: ['test', '-e', flag] }, periodSeconds: 1, failureThreshold: 1 }
  const key = await createPod(lab, 'probed', {
    terminationGracePeriodSeconds: 1,
    ...script('sleep 60', { readinessProbe: probe, livenessProbe: { ...probe, initialDelaySeconds: 1 } }),
  })
  const started = await lab.until(pods, key, (pod) => pod?.status?.phase === 'Running')
  assert.equal(isReady(started), false)
  writeFileSync(flag, '')
  const ready = await lab.until(pods, key, isReady)
  rmSync(flag)
  const restarted = await lab.until(pods, key, (pod) => pod?.status?.containerStatuses?.[0]?.restartCount === 1)
  assert.equal(isReady(restarted), false)
  assert.notEqual(pidOf(restarted), pidOf(ready))
  const known = lab.informers.of(events)
  await untilTrue(() =>
    known
      .list('default')
      .some(
        ({ involvedObject, reason, message }) =>
          involvedObject.name === 'probed' && reason === 'Unhealthy' && message?.startsWith('Readiness probe failed'),
      ),
  )
})

test('a startup probe holds the others back', async () => {
  const flag = join(lab.directory, 'started')
  const never = { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 1 }
  const startupProbe = { exec: { command: ['test', '-e', flag] }, periodSeconds: 1, failureThreshold: 100 }
  const key = await createPod(lab, 'starting', script('sleep 60', { startupProbe, readinessProbe: never }))
  const pod = await lab.until(pods, key, (object) => object?.status?.phase === 'Running')
  assert.equal(pod?.status?.containerStatuses?.[0]?.started, false)
  writeFileSync(flag, '')
  await lab.until(pods, key, (object) => object?.status?.containerStatuses?.[0]?.started === true)
})

test('a pod that is not restarted ends as its containers do', async () => {
  const good = await createPod(lab, 'good', { restartPolicy: 'Never', ...script('exit 0') })
  const bad = await createPod(lab, 'bad', { restartPolicy: 'Never', ...script('exit 3') })
  const succeeded = await lab.until(pods, good, (pod) => pod?.status?.phase === 'Succeeded')
  assert.equal(succeeded?.status?.containerStatuses?.[0]?.state?.terminated?.reason, 'Completed')
  const failed = await lab.until(pods, bad, (pod) => pod?.status?.phase === 'Failed')
  assert.equal(failed?.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 3)
})

test('a failed container may leave the end of its log as its message', async () => {
  const spec = script('echo the reason; exit 1', { terminationMessagePolicy: 'FallbackToLogsOnError' })
  const key = await createPod(lab, 'speaking', { restartPolicy: 'Never', ...spec })
  const pod = await lab.until(pods, key, (object) => object?.status?.phase === 'Failed')
  assert.equal(pod?.status?.containerStatuses?.[0]?.state?.terminated?.message, 'the reason')
})

test('a container may choose the signal that stops it', async () => {
  const file = join(lab.directory, 'usr1')
  const text = `trap "touch ${file}; exit 0" USR1; echo up; while :; do sleep 0.02; done`
  const key = await createPod(lab, 'usr1', script(text, { lifecycle: { stopSignal: 'SIGUSR1' } }))
  await lab.until(pods, key, isReady)
  await untilLogged('usr1', /up/)
  await lab.client.delete(pods, key)
  await lab.until(pods, key, (object) => object === undefined)
  assert.equal(existsSync(file), true)
})

test('a new image restarts the container', async () => {
  const key = await createPod(lab, 'changing', script('sleep 60'))
  const first = await lab.until(pods, key, isReady)
  const body = { spec: { containers: [{ name: 'main', image: 'test/sh:2' }] } }
  await lab.client.patch(pods, key, { kind: 'strategic', body })
  const isRenewed = (pod: Pod | undefined): boolean => pod?.status?.containerStatuses?.[0]?.restartCount === 1
  const second = await lab.until(pods, key, (pod) => isRenewed(pod) && isReady(pod))
  assert.equal(second?.status?.containerStatuses?.[0]?.image, 'docker.io/test/sh:2')
  assert.notEqual(pidOf(second), pidOf(first))
})

test('a signal shows in the exit code', async () => {
  const key = await createPod(lab, 'signalled', { restartPolicy: 'Never', ...script('kill -KILL $$$$') })
  const pod = await lab.until(pods, key, (object) => object?.status?.phase === 'Failed')
  const end = pod?.status?.containerStatuses?.[0]?.state?.terminated
  assert.deepEqual([end?.exitCode, end?.signal], [137, 9])
})

test('init containers run to their end one after another, then the others', async () => {
  const trace = join(lab.directory, 'trace')
  const step = (name: string) => ({ name, image: 'test/sh', args: [`echo ${name} >> ${trace}`] })
  const key = await createPod(lab, 'init', {
    restartPolicy: 'Never',
    initContainers: [step('first'), step('second')],
    containers: [{ name: 'main', image: 'test/sh', args: [`cat ${trace}`] }],
  })
  await lab.until(pods, key, (pod) => pod?.status?.phase === 'Succeeded')
  assert.equal(await logsOf('init', { container: 'main' }), 'first\nsecond\n')
})

test('a program that does not exist is a start error', async () => {
  const key = await createPod(lab, 'no-program', {
    restartPolicy: 'Never',
    ...script('', { command: ['/no/such/program'] }),
  })
  const pod = await lab.until(pods, key, (object) => object?.status?.phase === 'Failed')
  const end = pod?.status?.containerStatuses?.[0]?.state?.terminated
  assert.deepEqual([end?.exitCode, end?.reason], [128, 'StartError'])
  assert.match(end?.message ?? '', /\/no\/such\/program/)
})

test('a preStop hook runs before the signal', async () => {
  const file = join(lab.directory, 'hook')
  const lifecycle = { preStop: { exec: { command: ['touch', file] } } }
  const key = await createPod(lab, 'hooked', script('sleep 60', { lifecycle }))
  await lab.until(pods, key, isReady)
  await lab.client.delete(pods, key)
  await lab.until(pods, key, (object) => object === undefined)
  assert.equal(existsSync(file), true)
})

test('a pod for another scheduler is left alone, one that fits no node says why', async () => {
  await createPod(lab, 'elsewhere', { schedulerName: 'mine', ...script('sleep 60') })
  const key = await createPod(lab, 'picky', { nodeSelector: { disk: 'ssd' }, ...script('sleep 60') })
  const pod = await lab.until(pods, key, (object) => object?.status?.conditions?.[0]?.reason === 'Unschedulable')
  assert.match(pod?.status?.conditions?.[0]?.message ?? '', /disk=ssd/)
  assert.equal((await lab.client.get(pods, objectKey('default', 'elsewhere'))).spec.nodeName, undefined)
})

test('logs are read from any end, in pieces, and followed to the last line', async () => {
  const go = join(lab.directory, 'go')
  const key = await createPod(lab, 'talker', {
    restartPolicy: 'Never',
    ...script(`printf 'one\\ntwo\\nthree\\n'; while [ ! -e ${go} ]; do sleep 0.02; done; echo last`),
  })
  await lab.until(pods, key, isReady)
  await untilTrue(() => existsSync(join(lab.directory, 'data')))
  const followed = logsOf('talker', { follow: true, tailLines: 1 })
  writeFileSync(go, '')
  assert.match(await followed, /^(three\n)?last\n$/)
  await lab.until(pods, key, (object) => object?.status?.phase === 'Succeeded')
  assert.equal(await logsOf('talker'), 'one\ntwo\nthree\nlast\n')
  assert.equal(await logsOf('talker', { tailLines: 2 }), 'three\nlast\n')
  assert.equal(await logsOf('talker', { tailLines: 0 }), '')
  assert.equal(await logsOf('talker', { limitBytes: 5 }), 'one\nt')
  assert.equal(await logsOf('talker', { sinceSeconds: 3600 }), 'one\ntwo\nthree\nlast\n')
  const stamped = (await logsOf('talker', { timestamps: true })).trimEnd().split('\n')
  assert.equal(stamped.length, 4)
  for (const line of stamped) assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \w+$/)
})

test('asking for a log that does not exist is a bad request', () => {
  const ask = (name: string, container?: string): unknown =>
    running.agent.logs('default', name, container === undefined ? {} : { container }, AbortSignal.timeout(1000))
  assert.throws(
    () => ask('nobody'),
    (error) => isReason(error, 'BadRequest'),
  )
  assert.throws(() => ask('talker', 'other'), /container other is not valid for pod talker/)
  assert.throws(() => ask('mounts'), /is waiting to start: CreateContainerConfigError/)
})
