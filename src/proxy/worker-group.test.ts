/** Workers of one data plane and the sockets that are held for them, through `sluice proxy -f`. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { startLoneProxy } from '../../test/support/lone-proxy.ts'
import { eventually, fetchFrom, saying, startBackend } from '../../test/support/live-proxy.ts'
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
