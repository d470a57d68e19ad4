/** A full disk: what runs goes on, reads are answered, writes are refused with the reason, and all of it passes by itself. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { configMaps } from '../../src/kinds/config-map.ts'
import { namespaces } from '../../src/kinds/namespace.ts'
import { pods } from '../../src/kinds/pod.ts'
import { ApiError } from '../../src/kube/api-error.ts'
import { objectKey } from '../../src/kube/object.ts'
import { startLoad } from '../support/load.ts'
import { processesOf, startSluice } from '../support/sluice.ts'
import type { RunningSluice } from '../support/sluice.ts'
import { sluiceTeller } from '../support/sluice-teller.ts'
import { storyFile } from '../support/story.ts'
import { clientOf } from '../support/world.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const DISK_MIB = 24

test('a full disk stops neither control nor pods nor proxies, and writes go on once there is room', async (t) => {
  const disk = mkdtempSync(join(tmpdir(), 'sluice-disk-'))
  t.after(() => rmSync(disk, { recursive: true, force: true }))
  const started = await startSluice(t, { dataDir: join(disk, 'data'), command: onSmallDisk(disk) })
  const inside = (path: string): string => `/proc/${started.ready.pid}/root${path}`
  const sluice: RunningSluice = {
    ...started,
    ready: { ...started.ready, kubeconfig: inside(started.ready.kubeconfig) },
  }
  const teller = await sluiceTeller(sluice)
  for (const file of ['echo', 'upstream', 'vs']) await teller.apply(storyFile(`1-setup/${file}.yaml`))
  await teller.untilAvailable('echo-v1')
  await teller.untilProgrammed()
  const client = await clientOf(sluice)
  const before = (await client.list(pods, { namespace: 'echo' })).items
  const load = startLoad({ url: `${teller.gateway}/`, connections: 2, pauseMs: 2 })
  t.after(() => load.stop())
  await load.until(50)

  const filler = inside(join(disk, 'filler'))
  fill(filler)
  const refused = await untilRefused(async (number) => {
    const data = { text: 'x'.repeat(4_000) }
    const metadata = { namespace: 'default', name: `note-${number}` }
    await client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data })
  })
  assert.equal(refused.status.code, 507)
  assert.equal(refused.code, 'InsufficientStorage')
  assert.match(refused.message, /Cannot write to ".*state\.db": the disk is full/)
  await load.until(load.answers.length + 300)
  const during = (await client.list(pods, { namespace: 'echo' })).items
  assert.deepEqual(during.map(identityAndRestarts), before.map(identityAndRestarts), 'the same pods run')
  await assert.rejects(
    client.get(configMaps, objectKey('default', 'never')),
    { code: 'NotFound' },
    'reads are answered',
  )

  rmSync(filler)
  const metadata = { namespace: 'default', name: 'later' }
  await client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata })
  await load.stop()
  assert.deepEqual(load.failures(), [])
  assert.equal(await started.stop(), 0)
})

test('control that starts on a full disk takes over what runs, answers reads, and refuses writes until there is room', async (t) => {
  const disk = mkdtempSync(join(tmpdir(), 'sluice-disk-'))
  t.after(() => rmSync(disk, { recursive: true, force: true }))
  const dataDir = join(disk, 'data')
  const first = await startSluice(t, { dataDir, command: onSmallDisk(disk) })
  await first.kill()
  const before = processesOf(dataDir)
  const [survivor = ''] = before
  const inside = (path: string): string => `/proc/${survivor}/root${path}`
  const filler = inside(join(disk, 'filler'))
  fill(filler)

  const flags = ['--api-port', new URL(first.ready.api).port]
  const command = [
    'nsenter',
    '--preserve-credentials',
    '--user',
    '--mount',
    '--target',
    survivor,
    process.execPath,
    MAIN,
  ]
  const second = await startSluice(t, { dataDir, command, flags })
  assert.equal(second.ready.gateway, first.ready.gateway)
  const after = processesOf(dataDir)
  assert.deepEqual(
    before.filter((pid) => !after.includes(pid)),
    [],
    'what ran goes on',
  )
  const ready = { ...second.ready, kubeconfig: inside(second.ready.kubeconfig) }
  const client = await clientOf({ ...second, ready })
  const write = async (number: number): Promise<void> => {
    const metadata = { namespace: 'default', name: `note-${number}` }
    await client.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data: { text: 'x'.repeat(4_000) },
    })
  }
  assert.equal((await untilRefused(write)).status.code, 507)
  assert.notEqual((await client.list(namespaces)).items.length, 0)

  rmSync(filler)
  await write(1_000_000)
  assert.equal(await second.stop(), 0)
})

/** In a mount namespace of its own, so that the disk goes with the process. */
function onSmallDisk(path: string): readonly string[] {
  const script = `mount -t tmpfs -o size=${DISK_MIB}m sluice "$0" && exec "$@"`
  return ['unshare', '--map-root-user', '--mount', 'sh', '-c', script, path, process.execPath, MAIN]
}

function fill(path: string): void {
  const part = Buffer.alloc(4_096)
  try {
    for (let at = 0; at < DISK_MIB * 1024 * 1024; at += part.length) writeFileSync(path, part, { flag: 'a' })
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
    return
  }
  assert.fail('the disk did not become full')
}

/** SQLite has some room of its own in its files. */
async function untilRefused(write: (number: number) => Promise<void>): Promise<ApiError> {
  const endMs = systemClock.now() + 20_000
  for (let number = 0; systemClock.now() < endMs; number++) {
    try {
      await write(number)
    } catch (error) {
      if (error instanceof ApiError) return error
      throw error
    }
  }
  return assert.fail('every write was taken')
}

function identityAndRestarts(pod: {
  metadata: { uid?: string }
  status?: { containerStatuses?: readonly { restartCount?: number }[] }
}) {
  return [pod.metadata.uid, pod.status?.containerStatuses?.map(({ restartCount }) => restartCount)]
}
