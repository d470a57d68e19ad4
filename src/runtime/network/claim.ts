/**
 * Claims on networks: a file per network that names the data directory, and a file in the data directory that names
 * the network. A claim holds while both agree: what is left of a directory that was removed claims nothing.
 */
import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { writeDurably } from '../../base/durable-file.ts'
import { codeOf } from '../../base/errors.ts'

const REMEMBERED = 'network.json'
const LOCK_RETRY_MS = 10
const LOCK_ATTEMPTS_MAX = 1000

/** True when the network belongs to `dataDir` now. Call under the lock: taking over a stale claim is two steps. */
export function claimPrefix(claimsDir: string, number: number, dataDir: string): boolean {
  const file = claimFile(claimsDir, number)
  const owner = ownerOf(file)
  if (owner !== dataDir) {
    if (owner !== undefined && rememberedNetwork(owner) === number) return false
    rmSync(file, { force: true })
    writeFileSync(file, `${dataDir}\n`, { flag: 'wx', mode: 0o600 })
  }
  remember(dataDir, number)
  return true
}

/** The N of the network that the data directory had last. */
export function rememberedNetwork(dataDir: string): number | undefined {
  try {
    const text = readFileSync(join(dataDir, REMEMBERED), 'utf8')
    const prefix = (JSON.parse(text) as { readonly prefix?: unknown } | null)?.prefix
    const number = typeof prefix === 'string' ? /^127\.(\d{1,3})$/.exec(prefix)?.[1] : undefined
    return number === undefined ? undefined : Number(number)
  } catch (error) {
    // Absent on the first start; a damaged file costs only the old address.
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '') || error instanceof SyntaxError) return undefined
    throw error
  }
}

function remember(dataDir: string, number: number): void {
  writeDurably(join(dataDir, REMEMBERED), `${JSON.stringify({ prefix: `127.${number}` })}\n`)
}

/**
 * Runs `work` while no other process on this machine does so for the same claims. The lock is a Unix socket in the
 * abstract namespace: the kernel frees it with its holder, however that dies, and it reaches as far as loopback
 * addresses do (one network namespace).
 */
export async function withClaimLock<T>(claimsDir: string, clock: Clock, work: () => T): Promise<T> {
  // Socket names end after 107 bytes, paths do not.
  const digest = createHash('sha256').update(claimsDir).digest('hex')
  const lock = await acquire(`\0sluice-claims:${digest}`, clock)
  try {
    return work()
  } finally {
    await new Promise((resolve) => {
      lock.close(resolve)
    })
  }
}

async function acquire(name: string, clock: Clock): Promise<Server> {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS_MAX; attempt++) {
    const server = await tryListen(name)
    if (server !== undefined) return server
    await sleep(clock, LOCK_RETRY_MS)
  }
  throw new Error('Cannot claim a pod network: another process has held the lock on the claims for too long')
}

function tryListen(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error) => {
      if (codeOf(error) === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(name, () => resolve(server))
  })
}

function claimFile(claimsDir: string, number: number): string {
  return join(claimsDir, `127.${number}`)
}

function ownerOf(file: string): string | undefined {
  try {
    const owner = readFileSync(file, 'utf8').trimEnd()
    return owner === '' ? undefined : owner
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
