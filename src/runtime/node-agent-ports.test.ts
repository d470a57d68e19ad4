/** Pods share the loopback network: whose program answers on a pod's address decides whether the pod is ready. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { objectKey } from '../kube/object.ts'
import type { ObjectKey } from '../kube/object.ts'
import { events } from '../kinds/event.ts'
import { pods } from '../kinds/pod.ts'
import type { Pod } from '../kinds/pod.ts'
import { services } from '../kinds/service.ts'
import { startApiLab } from '../../test/support/api-lab.ts'
import type { ApiLab } from '../../test/support/api-lab.ts'
import { createPod, isReady, startAgent, untilTrue } from '../../test/support/node-agent-lab.ts'
import type { RunningAgent } from '../../test/support/node-agent-lab.ts'

let lab: ApiLab
let running: RunningAgent
let program: string

/** Listens on `ADDRESS` (all addresses, when empty). When that fails it says so and, if `STAYS`, goes on without. */
const PROGRAM = `
  const server = require('node:http').createServer((request, response) => response.end(process.env.POD_NAME))
  if (process.env.STAYS) server.on('error', (error) => console.error(String(error)))
  server.listen({ port: Number(process.env.LISTEN_PORT), host: process.env.ADDRESS || undefined })
  setInterval(() => {}, 1000)`

before(async () => {
  lab = await startApiLab()
  const dataDir = join(lab.directory, 'data')
  running = await startAgent({ ...lab, dataDir, claimsDir: join(lab.directory, 'claims') })
  program = join(lab.directory, 'program.cjs')
  writeFileSync(program, PROGRAM)
  writeFileSync(
    running.imagesFile,
    `images:\n  - { image: test/web, entrypoint: ["${process.execPath}", "${program}"] }\n`,
  )
})

after(async () => {
  await running.close()
  await lab.close()
})

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}

type Container = Pod['spec']['containers'][number]
interface Web {
  readonly port: number
  /** `$(POD_IP)`, or nothing for all addresses. */
  readonly address?: string
  readonly stays?: boolean
  readonly more?: Partial<Container>
}

function web(name: string, { port, address = '', stays = false, more = {} }: Web): Promise<ObjectKey> {
  const env = [
    { name: 'LISTEN_PORT', value: String(port) },
    { name: 'ADDRESS', value: address },
    { name: 'STAYS', value: stays ? 'yes' : '' },
  ]
  const container = { name: 'web', image: 'test/web', env, ports: [{ containerPort: port }], ...more }
  return createPod(lab, name, { terminationGracePeriodSeconds: 1, containers: [container] })
}

function messageOf(pod: Pod | undefined): string {
  return pod?.status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? ''
}

async function untilBlocked(key: ObjectKey): Promise<Pod | undefined> {
  const pod = await lab.until(pods, key, (object) => /is (answered|in use) by/.test(messageOf(object)))
  assert.equal(isReady(pod), false)
  return pod
}

function untilEvent(name: string, pattern: RegExp): Promise<void> {
  const known = lab.informers.of(events)
  return untilTrue(() =>
    known
      .list('default')
      .some(({ involvedObject, message }) => involvedObject.name === name && pattern.test(message ?? '')),
  )
}

async function remove(key: ObjectKey): Promise<void> {
  await lab.client.delete(pods, key)
  await lab.until(pods, key, (pod) => pod === undefined)
}

test('a pod on whose address another pod answers is not ready and says who answers, until it answers itself', async () => {
  const port = await freePort()
  const one = await web('all-1', { port })
  await lab.until(pods, one, isReady)
  const two = await web('all-2', { port, stays: true })
  const blocked = await untilBlocked(two)
  const text = `port ${port} is answered by pod all-1: listen on $HOST in both pods, not on all addresses`
  assert.equal(messageOf(blocked), `containers with unready status: [web]; ${text}`)
  assert.equal(await (await fetch(`http://${blocked?.status?.podIP}:${port}/`)).text(), 'all-1')
  await untilEvent('all-2', /is answered by pod all-1: listen on \$HOST/)
  await remove(one)
  await lab.until(pods, two, (pod) => !messageOf(pod).includes('answered'))
})

test('a program that cannot have all addresses is told to listen on its own', async () => {
  const port = await freePort()
  const one = await web('exact-1', { port, address: '$(POD_IP)' })
  await lab.until(pods, one, isReady)
  const two = await web('greedy', { port })
  const pod = await lab.until(pods, two, (object) => messageOf(object).includes('is in use by'))
  const text = `port ${port} is in use by pod exact-1: listen on $HOST, not on all addresses`
  assert.match(messageOf(pod), new RegExp(`; ${RegExp.escape(text)}$`))
  const ended = await lab.until(pods, two, (object) => lastEnd(object) !== undefined)
  assert.equal(lastEnd(ended)?.message, text)
  const three = await web('exact-2', { port, address: '$(POD_IP)' })
  await lab.until(pods, three, isReady)
})

test('no probe is passed by an answer of another pod', async () => {
  const port = await freePort()
  const one = await web('prober-1', { port })
  await lab.until(pods, one, isReady)
  const httpGet = { path: '/', port }
  const probe = { httpGet, periodSeconds: 1, failureThreshold: 1 }
  const kinds = { readinessProbe: probe, livenessProbe: probe, startupProbe: { tcpSocket: { port }, periodSeconds: 1 } }
  for (const [kind, fields] of Object.entries(kinds)) {
    const name = `prober-${kind.toLowerCase()}`
    const key = await web(name, { port, stays: true, more: { ports: [], [kind]: fields } })
    await untilEvent(name, new RegExp(`^${kind.replace('Probe', '')} probe failed: port ${port} is answered by`, 'i'))
    assert.equal(isReady(await lab.client.get(pods, key)), false)
    await remove(key)
  }
})

test('a readiness probe that runs a command does not make a pod ready whose port another pod answers', async () => {
  const port = await freePort()
  await lab.until(pods, await web('exec-1', { port }), isReady)
  const readinessProbe = { exec: { command: ['true'] }, periodSeconds: 1 }
  const two = await web('exec-2', { port, stays: true, more: { readinessProbe } })
  assert.match(messageOf(await untilBlocked(two)), /answered by pod exec-1/)
})

test('a port that only a Service names counts too', async () => {
  const port = await freePort()
  await lab.until(pods, await web('undeclared-1', { port }), isReady)
  const spec = { selector: { app: 'undeclared' }, ports: [{ port: 80, targetPort: port }] }
  const metadata = { name: 'undeclared', namespace: 'default' }
  await lab.client.create(services, { apiVersion: 'v1', kind: 'Service', metadata, spec })
  const container = { name: 'web', image: 'test/web', env: [{ name: 'LISTEN_PORT', value: '0' }] }
  await lab.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'undeclared-2', namespace: 'default', labels: { app: 'undeclared' } },
    spec: { containers: [container] },
  })
  const pod = await untilBlocked(objectKey('default', 'undeclared-2'))
  assert.match(messageOf(pod), /answered by pod undeclared-1/)
})

test('a pod stays ready only as long as it answers itself', async () => {
  const port = await freePort()
  const closing = `
    const server = require('node:http').createServer((request, response) => {
      response.end('closing', () => server.close())
      server.closeAllConnections()
    })
    server.listen(${port}, process.env.POD_IP)
    setInterval(() => {}, 1000)`
  const one = await web('closing', { port, more: { command: [process.execPath, '-e', closing] } })
  const ready = await lab.until(pods, one, isReady)
  await fetch(`http://${ready?.status?.podIP}:${port}/`).catch(() => {})
  const two = await web('successor', { port })
  const now = await untilBlocked(one)
  assert.match(messageOf(now), /answered by pod successor/)
  await lab.until(pods, two, isReady)
})

function lastEnd(pod: Pod | undefined) {
  const { state, lastState } = pod?.status?.containerStatuses?.[0] ?? {}
  return state?.terminated ?? lastState?.terminated
}
