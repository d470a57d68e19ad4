/** A proxy process of its own behind a control link, and what the kernel knows of it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { untilWatched } from '../../src/base/watched.ts'
import { startControlLink } from '../../src/proxy/control-link.ts'
import { liveGeneration } from '../../src/routing/data-plane.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import { usageOfOne } from '../process-usage.ts'
import type { Usage } from '../process-usage.ts'

export interface RealProxy {
  /** Resolves when the proxy has acknowledged the snapshot. */
  publish(snapshot: RoutingSnapshot): Promise<void>
  usage(): Promise<ProxyUsage>
  stop(): Promise<void>
}

interface ProxyUsage extends Usage {
  readonly bytesRead: number
}

export async function startRealProxy(): Promise<RealProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const socketPath = join(folder, 'proxy.sock')
  const ending = new AbortController()
  const link = await startControlLink({
    socketPath,
    expected: 1,
    clock: systemClock,
    log: silentLog,
    onReport: () => {},
    signal: ending.signal,
  })
  const main = resolve(import.meta.dirname, '../../src/main.ts')
  const command = [main, 'proxy', 'run', '--socket', socketPath, '--log-level', 'error']
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'inherit', 'inherit'] })
  const ended = once(child, 'exit')
  await untilWatched(link.state, ({ proxies }) => proxies[0]?.connected === true)
  return {
    publish: async (snapshot) => {
      link.publish(snapshot)
      const state = await untilWatched(
        link.state,
        (each) => liveGeneration(each) === snapshot.generation || each.proxies[0]?.refused !== undefined,
      )
      const refused = state.proxies[0]?.refused
      if (refused !== undefined) throw new Error(refused.reason)
    },
    usage: () => usageOf(child.pid ?? 0),
    stop: async () => {
      child.kill('SIGKILL')
      await ended
      ending.abort()
      await link.closed
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function usageOf(pid: number): Promise<ProxyUsage> {
  const [usage, io] = await Promise.all([usageOfOne(pid), readFile(`/proc/${pid}/io`, 'utf8')])
  return { ...usage, bytesRead: Number(/^rchar: (\d+)/m.exec(io)?.[1] ?? 0) }
}
