/** A proxy in a process of its own, as `sluice up` starts it, so that its memory can be watched. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { untilWatched } from '../../src/base/watched.ts'
import { startControlLink } from '../../src/proxy/control-link.ts'
import { liveGeneration } from '../../src/routing/data-plane.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

export interface ProxyProcess {
  readonly port: number
  /** Resident memory now, in bytes. */
  rssBytes(): number
  /** The most that was ever resident. */
  peakRssBytes(): number
}

/** Serves the snapshot's first listener; stopped when the test is over. */
export async function startProxyProcess(t: TestContext, snapshot: RoutingSnapshot): Promise<ProxyProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-proxy-'))
  const socketPath = join(folder, 'proxy.sock')
  const end = new AbortController()
  const link = await startControlLink({
    socketPath,
    expected: 1,
    clock: systemClock,
    log: silentLog,
    onReport: () => {},
    signal: end.signal,
  })
  const child = spawn(process.execPath, [MAIN, 'proxy', 'run', '--socket', socketPath], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
    end.abort()
    await link.closed
    await rm(folder, { recursive: true, force: true })
  })
  link.publish(snapshot)
  const live = await untilWatched(link.state, (state) => liveGeneration(state) === snapshot.generation)
  const { pid = 0 } = child
  return {
    port: live.proxies[0]?.listeners[0]?.port ?? 0,
    rssBytes: () => memoryOf(pid, 'VmRSS'),
    peakRssBytes: () => memoryOf(pid, 'VmHWM'),
  }
}

/** From the kernel's own books (Linux); they count in KiB. */
function memoryOf(pid: number, key: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${key}:\\s*([0-9]+) kB$`, 'm').exec(status)?.[1]) * 1024
}
