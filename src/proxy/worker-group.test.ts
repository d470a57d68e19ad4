/** Workers of one data plane and the sockets that are held for them, through `sluice proxy -f`. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startLoneProxy } from '../../test/support/lone-proxy.ts'
import { eventually, fetchFrom, saying, startBackend } from '../../test/support/live-proxy.ts'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { silentLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { WorkerGroup } from './worker-group.ts'
import { claimPort } from './shared-port.ts'

const options = { skip: process.platform !== 'linux' && 'reads /proc', timeout: 30_000 }

function routing(ports: readonly number[], backend: number): string {
  const listeners = ports.map((port, index) => `{ id: l${index}, port: ${port} }`)
  return `
listeners: [${listeners.join(', ')}]
routeTables: [{ virtualHosts: [{ domains: ['*'], routes: [{ action: { destinations: [{ cluster: a }] } }] }] }]
clusters: [{ name: a, endpoints: ['127.0.0.1:${backend}'] }]
`
}

const workersOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)

const codeAt = (port: number): Promise<string> =>
  fetchFrom(port).then(
    ({ status }) => String(status),
    (error: NodeJS.ErrnoException) => error.code ?? '',
  )

async function until(port: number, code: string): Promise<void> {
  while ((await codeAt(port)) !== code);
}

test('listeners that come are served by all workers, those that go give up their port', options, async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const first = await claimPort('127.0.0.1', 0)
  const second = await claimPort('127.0.0.1', 0)
  const flags = ['--workers', '2', '--watch']
  const proxy = await startLoneProxy(t, { text: routing([first], backend.port), flags })
  assert.equal(await codeAt(first), '200')
  assert.equal(await codeAt(second), 'ECONNREFUSED')
  proxy.write(routing([first, second], backend.port))
  await until(second, '200')
  proxy.write(routing([second], backend.port))
  await until(first, 'ECONNREFUSED')
  // The kernel may choose either worker's socket: both are served.
  for (let index = 0; index < 20; index++) assert.equal(await codeAt(second), '200')
  proxy.write(routing([second, first], backend.port))
  await until(first, '200')
})

test('a worker that is told to end is replaced at once, and its clients find the others', options, async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const proxy = await startLoneProxy(t, { text: routing([0], backend.port), flags: ['--workers', '2'] })
  const [victim = 0, other = 0] = workersOf(proxy.pid)
  process.kill(victim, 'SIGTERM')
  for (let index = 0; index < 50; index++) assert.equal(await codeAt(proxy.port), '200')
  await eventually(() => {
    const now = workersOf(proxy.pid)
    return now.length === 2 && now.includes(other) && !now.includes(victim)
  })
  process.kill(other, 'SIGTERM')
  for (let index = 0; index < 50; index++) assert.equal(await codeAt(proxy.port), '200')
})

test('a worker that stands still is replaced, one that never said that it lives is not', options, async (t) => {
  const clock = new FakeClock()
  const told: (readonly [string, unknown])[] = []
  const log = { ...silentLog, error: (message: string, fields = {}) => void told.push([message, fields]) }
  const programs = ['process.send({ kind: "alive" }); setInterval(() => {}, 1e6)', 'setInterval(() => {}, 1e6)']
  const [hanging, quiet] = programs.map((program) => {
    const command = [process.execPath, '--eval', program, '--']
    const shared = { clock, log, random: seededRandom(1), drainTimeoutMs: 0 }
    const group = new WorkerGroup({ ...shared, command, count: 1, nameOf: () => 'worker-0' })
    t.after(() => group.stop())
    return group
  })
  const pidOf = (group: WorkerGroup | undefined): number => group?.processes[0]?.pid ?? 0
  const [first, second] = [pidOf(hanging), pidOf(quiet)]
  while (pidOf(hanging) === first) await clock.advance(1_000)
  assert.equal(told[0]?.[0], 'worker hangs')
  assert.equal(pidOf(quiet), second)
})

test('a worker that dies and dies is there again after a second at most', options, async (t) => {
  const clock = new FakeClock()
  const command = [process.execPath, '--eval', 'process.exit(1)', '--']
  const shared = { clock, log: silentLog, random: seededRandom(1), drainTimeoutMs: 0 }
  const group = new WorkerGroup({ ...shared, command, count: 1, nameOf: () => 'worker-0' })
  t.after(() => group.stop())
  for (let death = 0; death < 8; death++) {
    await eventually(() => group.processes.length === 0)
    await clock.advance(1_000)
    assert.equal(group.processes.length, 1)
  }
})

test('while what is under way is finished at the end, newcomers are refused and find another', options, async (t) => {
  const held: (() => void)[] = []
  const backend = await startBackend(t, (_request, response) => void held.push(() => response.end('v1')))
  const proxy = await startLoneProxy(t, { text: routing([0], backend.port), flags: ['--workers', '2'] })
  const before = fetchFrom(proxy.port)
  await eventually(() => held.length === 1)
  assert.equal((await fetchFrom(proxy.adminPort, { path: '/drain', method: 'POST' })).status, 202)
  // One that came just before the end is under way, too.
  while ((await connectTo(proxy.port)) !== 'ECONNREFUSED');
  for (const go of held) go()
  assert.equal((await before).body, 'v1')
  assert.equal(await proxy.ended, 0)
})

function connectTo(port: number, address = '127.0.0.1'): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, address)
    socket.once('connect', () => {
      socket.destroy()
      resolve('')
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
  })
}

test('a listener that keeps one of its addresses loses no client of it', options, async (t) => {
  const backend = await startBackend(t, saying('v1'))
  // Nobody else may have the port at any address: the listener begins with all of them.
  const port = await claimPort('0.0.0.0', 0)
  const at = (address: string): string => routing([port], backend.port).replace('id: l0', `id: l0, address: ${address}`)
  const proxy = await startLoneProxy(t, { text: at('0.0.0.0'), flags: ['--workers', '2', '--watch'] })
  let isOver = false
  const codes = new Set<string>()
  const drive = async (): Promise<void> => {
    while (!isOver) codes.add(await codeAt(port))
  }
  const driving = Promise.all([drive(), drive(), drive()])
  proxy.write(at('127.0.0.1'))
  while ((await connectTo(port, '127.0.0.2')) !== 'ECONNREFUSED');
  isOver = true
  await driving
  assert.deepEqual([...codes], ['200'])
})
