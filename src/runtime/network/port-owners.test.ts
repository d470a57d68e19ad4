import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { untilTrue } from '../../../test/support/node-agent-lab.ts'
import { killContainer } from '../process/container-processes.ts'
import type { ContainerIdentity } from '../process/container-processes.ts'
import { launch } from '../process/launch.ts'
import { PortOwners } from './port-owners.ts'
import type { PortUser } from './port-owners.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-owners-'))
const started: ContainerIdentity[] = []
after(async () => {
  for (const container of started) await killContainer(container)
  rmSync(directory, { recursive: true })
})

/** Listens as its options say and writes its port to a file. */
const LISTEN = `
  const [options, file] = process.argv.slice(1)
  const server = require('node:net').createServer().listen(JSON.parse(options), () => {
    require('node:fs').writeFileSync(file, server.address().port + '\\n')
  })`
/** The same in a child with a session of its own. */
const LISTEN_APART = `
  const args = ['-e', ${JSON.stringify(LISTEN)}, ...process.argv.slice(1)]
  require('node:child_process').spawn(process.execPath, args, { detached: true, stdio: 'ignore' })`

interface Listening {
  readonly user: PortUser
  readonly port: number
}

/** A pod whose program listens; `host` is its own address where absent. */
async function pod(name: string, options: object, code = LISTEN): Promise<Listening> {
  const ip = `127.204.0.${started.length + 1}`
  const file = join(directory, name)
  const files = { logFile: `${file}.log`, pidFile: `${file}.pid` }
  const command = [process.execPath, '-e', code, JSON.stringify({ host: ip, port: 0, ...options }), `${file}.port`]
  const { identity } = launch({ command, env: {}, workingDir: directory, ...files })
  const container = { first: identity, ...files }
  started.push(container)
  await untilTrue(() => existsSync(`${file}.port`) && readFileSync(`${file}.port`, 'utf8').endsWith('\n'))
  const user = { namespace: 'shop', name, ip, running: [container] }
  return { user, port: Number(readFileSync(`${file}.port`, 'utf8')) }
}

const silent = (name: string, ip: string): PortUser => ({ namespace: 'shop', name, ip, running: [] })

function listen(options: object): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(options, () => resolve(server))
  })
}

test('a program that listens on all addresses answers for itself, and is a stranger on those of others', async () => {
  const one = await pod('one', { host: '0.0.0.0' })
  const two = silent('two', '127.204.1.1')
  const elsewhere = { ...two, namespace: 'other' }
  const owners = new PortOwners(() => [one.user, two])
  assert.deepEqual(await owners.answer(one.user, one.port), { kind: 'own' })
  assert.deepEqual(await owners.answer(two, one.port), { kind: 'stranger', who: 'pod one', isPod: true })
  assert.deepEqual(await owners.answer(elsewhere, one.port), { kind: 'stranger', who: 'pod shop/one', isPod: true })
  assert.deepEqual(await owners.answer(two, 1), { kind: 'nobody' })
})

test('a program that listens on its own address answers there, whoever else has the port', async () => {
  const one = await pod('first-exact', {})
  const two = await pod('exact', { port: one.port })
  const owners = new PortOwners(() => [one.user, two.user])
  assert.deepEqual(await owners.answer(two.user, two.port), { kind: 'own' })
  assert.deepEqual(await owners.answer(one.user, one.port), { kind: 'own' })
  assert.equal(owners.holder(one.user, two.port)?.who, 'pod exact')
  assert.equal(owners.holder(two.user, two.port)?.who, 'pod first-exact')
})

test('all addresses of IPv6 are those of IPv4 too, unless the socket is for IPv6 alone', async () => {
  const both = await pod('both', { host: '::' })
  const six = await pod('six', { host: '::', ipv6Only: true })
  const other = silent('other', '127.204.1.3')
  const owners = new PortOwners(() => [both.user, six.user, other])
  assert.deepEqual(await owners.answer(other, both.port), { kind: 'stranger', who: 'pod both', isPod: true })
  assert.deepEqual(await owners.answer(other, six.port), { kind: 'nobody' })
})

test("a port that two pods share is nobody's own", async () => {
  const one = await pod('shared-1', { host: '0.0.0.0', reusePort: true })
  const two = await pod('shared-2', { host: '0.0.0.0', reusePort: true, port: one.port })
  const owners = new PortOwners(() => [one.user, two.user])
  assert.deepEqual(await owners.answer(one.user, one.port), { kind: 'stranger', who: 'pod shared-2', isPod: true })
  assert.deepEqual(await owners.answer(two.user, one.port), { kind: 'stranger', who: 'pod shared-1', isPod: true })
})

test('a child in a session of its own listens for its pod', async () => {
  const parent = await pod('parent', {}, LISTEN_APART)
  const owners = new PortOwners(() => [parent.user])
  assert.deepEqual(await owners.answer(parent.user, parent.port), { kind: 'own' })
})

test('a process that is no pod is named', async () => {
  const server = await listen({ host: '127.204.1.4', port: 0 })
  const { port } = server.address() as { readonly port: number }
  const owners = new PortOwners(() => [])
  const answer = await owners.answer(silent('lonely', '127.204.1.4'), port)
  server.close()
  assert.equal(answer.kind, 'stranger')
  assert.match(answer.kind === 'stranger' ? answer.who : '', new RegExp(`^process ${process.pid} \\(.+\\)$`))
})

test('what has ended answers no more', async () => {
  const one = await pod('first', { host: '0.0.0.0' })
  const owners = new PortOwners(() => [one.user])
  const late = silent('late', '127.204.1.5')
  assert.equal((await owners.answer(late, one.port)).kind, 'stranger')
  await killContainer(one.user.running[0] ?? assert.fail())
  await untilTrue(() => owners.holder(late, one.port) === undefined)
  assert.deepEqual(await owners.answer(late, one.port), { kind: 'nobody' })
})
