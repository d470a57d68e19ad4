import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock as clock } from '../base/clock.ts'
import { claimPrefix } from './network/claim.ts'
import { prefixesInUse } from './network/in-use.ts'
import { parseListeners } from './network/listeners.ts'
import { claimNetwork } from './network.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-network-'))
after(() => rmSync(directory, { recursive: true }))

/** A data directory like any other. */
function occupant(number: number): string {
  const dataDir = join(directory, `occupant-${number}`)
  mkdirSync(dataDir, { recursive: true })
  return dataDir
}

function options(name: string, claims = 'claims') {
  return { dataDir: join(directory, name), claimsDir: join(directory, claims), clock, inUse: () => new Set<number>() }
}

test('no two data directories get the same network, however close together they ask', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `instance-${index}`)
  const networks = await Promise.all(names.map((name) => claimNetwork(options(name))))
  assert.equal(new Set(networks.map(({ prefix }) => prefix)).size, names.length)
  for (const { prefix } of networks) {
    const number = Number(prefix.split('.')[1])
    assert.ok(number >= 16 && number <= 254, prefix)
  }
})

test('a data directory keeps its network from one run to the next', async () => {
  const first = await claimNetwork(options('keeper'))
  assert.equal((await claimNetwork(options('keeper'))).prefix, first.prefix)
})

test('the claim of a data directory that is gone is taken over', async () => {
  const live = await claimNetwork(options('live', 'few'))
  for (let number = 16; number <= 254; number++) {
    if (`127.${number}` !== live.prefix) claimPrefix(join(directory, 'few'), number, occupant(number))
  }
  await assert.rejects(
    claimNetwork(options('one-too-many', 'few')),
    /Cannot claim a pod network: all of 127\.16 to 127\.254/,
  )
  rmSync(join(directory, 'live'), { recursive: true })
  assert.equal((await claimNetwork(options('heir', 'few'))).prefix, live.prefix)
})

test('what is left of a data directory claims nothing', async () => {
  const first = await claimNetwork(options('removed', 'remains'))
  rmSync(join(directory, 'removed'), { recursive: true })
  mkdirSync(join(directory, 'removed', 'pods'), { recursive: true })
  const number = Number(first.prefix.split('.')[1])
  assert.ok(claimPrefix(join(directory, 'remains'), number, occupant(number)))
})

test('a network on which a stranger listens is passed over', async () => {
  const free = await claimNetwork(options('guest', 'strangers'))
  const number = Number(free.prefix.split('.')[1])
  const beside = { ...options('guest', 'others'), dataDir: `${directory}/guest`, inUse: () => new Set([number]) }
  rmSync(join(directory, 'guest'), { recursive: true })
  assert.notEqual((await claimNetwork(beside)).prefix, free.prefix)
})

test('addresses are not used twice, and not again soon', async () => {
  const network = await claimNetwork(options('addresses'))
  const { prefix } = network
  assert.equal(network.allocate(), `${prefix}.0.1`)
  assert.equal(network.allocate(), `${prefix}.0.2`)
  network.release(`${prefix}.0.1`)
  assert.equal(network.allocate(), `${prefix}.0.3`)
  assert.equal(network.reserve(`${prefix}.0.3`), false)
  assert.equal(network.reserve(`${prefix}.1.254`), true)
  assert.equal(network.allocate(), `${prefix}.2.1`)
  assert.equal(network.reserve(`${prefix}.128.1`), false)
  assert.equal(network.reserve('127.0.0.1'), false)
  assert.equal(network.podCidr, `${prefix}.0.0/17`)
  assert.equal(network.serviceCidr, `${prefix}.128.0/17`)
})

test('elsewhere than on Linux it says why not', async () => {
  await assert.rejects(
    claimNetwork({ ...options('mac'), platform: 'darwin' }),
    /only Linux answers on all of 127\.0\.0\.0\/8/,
  )
})

test('the networks of strangers are known by their sockets', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100177F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0',
    '   1: 0100187F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0 20 4 30 10 -1',
    '   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0',
  ].join('\n')
  assert.deepEqual([...prefixesInUse(parseListeners(table))], [23])
})
