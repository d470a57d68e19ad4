/** The data plane alone, as users run it: `sluice proxy -f`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { claimPort } from '../../src/proxy/shared-port.ts'
import { testAuthority } from '../support/certificates.ts'
import { runCli } from '../support/cli.ts'
import { fetchFrom, saying, startBackend } from '../support/live-proxy.ts'
import { startLoad } from '../support/load.ts'
import { startLoneProxy } from '../support/lone-proxy.ts'

const routing = (port: number, more = ''): string => `
listeners: [{ port: 0 }]
routeTables:
  - virtualHosts:
      - routes:
${more}
          - action: { destinations: [{ cluster: all }] }
clusters:
  - name: all
    endpoints: ['127.0.0.1:${port}']
`

const HELLO = '          - { match: { path: /hello }, action: { kind: respond, body: hello } }'

test('a file is served, its changes are taken over, a bad one is told and not served, and drain ends it', async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const sluice = await startLoneProxy(t, { text: routing(backend.port), flags: ['--watch'] })
  const get = async (path: string): Promise<string> => (await fetchFrom(sluice.port, { path })).body
  const admin = async (path: string): Promise<string> => (await fetchFrom(sluice.adminPort, { path })).body
  assert.equal(await get('/hello'), 'v1')
  assert.equal(await admin('/ready'), 'ready\n')

  sluice.write(routing(backend.port, HELLO))
  await sluice.untilLogged('generation=2')
  while ((await get('/hello')) !== 'hello');

  sluice.write(routing(backend.port, HELLO.replace('respond', 'response')))
  await sluice.untilLogged('cannot serve the file')
  assert.equal(await get('/hello'), 'hello')
  const config = JSON.parse(await admin('/config')) as {
    problems: readonly string[]
    snapshot: { generation: number }
  }
  assert.match(config.problems.join(), /routing\.yaml:6:\d+: .*did you mean "respond"\?/)
  assert.equal(config.snapshot.generation, 2)

  const clusters = JSON.parse(await admin('/clusters')) as { clusters: readonly { requests: number }[] }
  assert.ok((clusters.clusters[0]?.requests ?? 0) >= 1)
  while (!/istio_requests_total\{.*destination_service_name="all".*\} \d/.test(await admin('/metrics')));

  assert.equal((await fetchFrom(sluice.adminPort, { path: '/drain', method: 'POST' })).status, 202)
  assert.equal(await sluice.ended, 0)
})

test('without --watch the file is read again on SIGHUP', async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const sluice = await startLoneProxy(t, { text: routing(backend.port) })
  sluice.write(routing(backend.port, HELLO))
  process.kill(sluice.pid, 'SIGHUP')
  await sluice.untilLogged('generation=2')
  while ((await fetchFrom(sluice.port, { path: '/hello' })).body !== 'hello');
  process.kill(sluice.pid, 'SIGTERM')
  assert.equal(await sluice.ended, 0)
})

test('a worker that dies is replaced while the others answer new connections', async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const sluice = await startLoneProxy(t, { text: routing(backend.port), flags: ['--workers', '2'] })
  const [, pid] = /proxy connected proxy=worker-0 pid=(\d+)/.exec(sluice.log) ?? []
  process.kill(Number(pid), 'SIGKILL')
  await sluice.untilLogged('worker died')
  for (let count = 0; count < 50; count++) assert.equal((await fetchFrom(sluice.port)).status, 200)
  while ((sluice.log.match(/listening listener=/g) ?? []).length < 3) await fetchFrom(sluice.port)
})

test('changes of the file under load lose no request, on any worker', async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const sluice = await startLoneProxy(t, { text: routing(backend.port), flags: ['--workers', '2', '--watch'] })
  const load = startLoad({ url: `http://127.0.0.1:${sluice.port}/`, connections: 8, pauseMs: 1 })
  for (let generation = 2; generation < 6; generation++) {
    sluice.write(routing(backend.port, generation % 2 === 0 ? HELLO : ''))
    await sluice.untilLogged(`generation=${generation}`)
  }
  await load.until(load.answers.length + 200)
  await load.stop()
  assert.deepEqual(load.failures(), [])
})

test('a taken port is told before anything is started', async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const text = routing(backend.port).replace('port: 0', `port: ${backend.port}`)
  await assert.rejects(startLoneProxy(t, { text }), /Cannot listen on "127\.0\.0\.1:\d+": .*EADDRINUSE.*listeners\[0\]/)
})

test('a port that was taken at a change of the file is served once it is free', async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await once(other, 'listening')
  const taken = (other.address() as AddressInfo).port
  const sluice = await startLoneProxy(t, { text: routing(backend.port), flags: ['--watch'] })
  sluice.write(routing(backend.port, HELLO).replace('port: 0 }', `port: 0 }, { id: b, port: ${taken} }`))
  await sluice.untilLogged('EADDRINUSE')
  assert.equal((await fetchFrom(sluice.port, { path: '/hello' })).body, 'v1')
  other.close()
  await sluice.untilLogged('generation=2')
  while ((await fetchFrom(sluice.port, { path: '/hello' })).body !== 'hello');
  while ((await codeAt(taken)) !== '200');
})

const codeAt = (port: number, address = '127.0.0.1'): Promise<string> =>
  fetchFrom(port, { address }).then(
    ({ status }) => String(status),
    (error: NodeJS.ErrnoException) => error.code ?? '',
  )

test('a listener may have its own port at another address', { skip: process.platform !== 'linux' }, async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const port = await claimPort('127.0.0.1', 0)
  const at = (address: string): string => routing(backend.port).replace('port: 0', `address: ${address}, port: ${port}`)
  const sluice = await startLoneProxy(t, { text: at('127.0.0.1'), flags: ['--watch'] })
  sluice.write(at('0.0.0.0'))
  await sluice.untilLogged('address=0.0.0.0')
  assert.equal(await codeAt(port, '127.0.0.2'), '200')
  sluice.write(at('127.0.0.1'))
  while ((await codeAt(port, '127.0.0.2')) !== 'ECONNREFUSED');
  assert.equal(await codeAt(port), '200')
})

test('what a worker refuses is taken back, so that the next worker has something to serve', async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const sluice = await startLoneProxy(t, { text: routing(backend.port), flags: ['--watch'] })
  const [, first] = /proxy connected proxy=worker-0 pid=(\d+)/.exec(sluice.log) ?? []
  sluice.write(await withForeignKey(routing(backend.port)))
  await sluice.untilLogged('cannot serve the file, serving on')
  const config = JSON.parse((await fetchFrom(sluice.adminPort, { path: '/config' })).body) as {
    problems: readonly string[]
    snapshot: { listeners: readonly { protocol: string }[] }
  }
  assert.match(config.problems.join(), /Cannot use the certificates of listener "listener-0".*mismatch/)
  assert.deepEqual(
    config.snapshot.listeners.map(({ protocol }) => protocol),
    ['http'],
  )
  process.kill(Number(first), 'SIGKILL')
  await sluice.untilLogged('worker died')
  assert.equal((await fetchFrom(sluice.port)).body, 'v1')
})

test('what a worker refuses at the start is told, and the end of it', async (t) => {
  await assert.rejects(
    startLoneProxy(t, { text: await withForeignKey(routing(9001)) }),
    /sluice: Cannot use the certificates of listener "listener-0"/,
  )
})

/** The first listener ends TLS with the key of another certificate: no check of the file sees that. */
async function withForeignKey(text: string): Promise<string> {
  const authority = await testAuthority()
  const [own, foreign] = await Promise.all([authority.issue('a.example'), authority.issue('b.example')])
  const certificates = [{ certificate: own.certificate, privateKey: foreign.privateKey }]
  return text.replace('port: 0', `port: 0, protocol: https, tls: ${JSON.stringify({ certificates })}`)
}

test('a log that cannot be written ends nothing', { skip: process.platform !== 'linux' }, async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const full = openSync('/dev/full', 'w')
  t.after(() => closeSync(full))
  const sluice = await startLoneProxy(t, { text: routing(backend.port), flags: ['--watch'], logTo: full })
  assert.equal((await fetchFrom(sluice.port)).body, 'v1')
  sluice.write(routing(backend.port, HELLO))
  while ((await fetchFrom(sluice.port, { path: '/hello' })).body !== 'hello');
  process.kill(sluice.pid, 'SIGTERM')
  assert.equal(await sluice.ended, 0)
})

test('the data plane serves on when the reader of its log has gone', async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const sluice = await startLoneProxy(t, { text: routing(backend.port), flags: ['--watch'] })
  sluice.deafen()
  sluice.write(routing(backend.port, HELLO))
  while ((await fetchFrom(sluice.port, { path: '/hello' })).body !== 'hello');
  sluice.write(routing(backend.port, HELLO.replace('respond', 'response')))
  const problems = async (): Promise<string> => (await fetchFrom(sluice.adminPort, { path: '/config' })).body
  while (!(await problems()).includes('did you mean'));
  process.kill(sluice.pid, 'SIGTERM')
  assert.equal(await sluice.ended, 0)
})

test('--check tells what is wrong, and only that', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-check-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'good.yaml'), routing(9001))
  writeFileSync(join(folder, 'bad.yaml'), routing(90_001))
  const good = await runCli(['proxy', '-f', 'good.yaml', '--check'], { cwd: folder })
  assert.deepEqual([good.code, good.stdout, good.stderr], [0, 'good.yaml: 1 listener, 1 route table, 1 cluster\n', ''])
  const tcp = 'tcpListeners: [{ port: 5432, routes: [{ action: { destinations: [{ cluster: all }] } }] }]'
  writeFileSync(join(folder, 'tcp.yaml'), `${routing(9001)}\n${tcp}\n`)
  const both = await runCli(['proxy', '-f', 'tcp.yaml', '--check'], { cwd: folder })
  assert.equal(both.stdout, 'tcp.yaml: 2 listeners, 1 route table, 1 cluster\n')
  const bad = await runCli(['proxy', '-f', 'bad.yaml', '--check'], { cwd: folder })
  assert.equal(bad.code, 1)
  assert.equal(
    bad.stderr,
    'bad.yaml:10:17: clusters[0].endpoints[0]: Cannot use "127.0.0.1:90001": expected address:port\n',
  )
  assert.match(
    (await runCli(['proxy', '-f', 'none.yaml', '--check'], { cwd: folder })).stderr,
    /Cannot read "none\.yaml"/,
  )
})

test('the schema is printed as JSON, and proxy without a file explains itself', async () => {
  const { stdout } = await runCli(['proxy', 'schema'])
  assert.match(stdout, /2020-12/)
  assert.equal(typeof JSON.parse(stdout), 'object')
  const alone = await runCli(['proxy'])
  assert.equal(alone.code, 2)
  assert.match(alone.stderr, /Usage: sluice proxy/)
})
