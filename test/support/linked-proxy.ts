/** A proxy in a process of its own, as `sluice up` starts it, and the control link that feeds it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { untilWatched } from '../../src/base/watched.ts'
import { startControlLink } from '../../src/proxy/control-link.ts'
import type { ControlLink } from '../../src/proxy/control-link.ts'
import { liveGeneration } from '../../src/routing/data-plane.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

export interface LinkedProxy {
  readonly pid: number
  /** Of the first listener. */
  readonly port: number
  readonly link: ControlLink
  /** Resolves once the proxy has acknowledged the snapshot; rejects when it has ended. */
  publish(snapshot: RoutingSnapshot): Promise<void>
}

/** Serves the snapshot; stopped when the test is over. */
export async function startLinkedProxy(t: TestContext, snapshot: RoutingSnapshot): Promise<LinkedProxy> {
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
  const gone = new AbortController()
  void exited.then(() => gone.abort(new Error('the proxy has ended')))
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
    end.abort()
    await link.closed
    await rm(folder, { recursive: true, force: true })
  })
  const publish = async (next: RoutingSnapshot): Promise<void> => {
    link.publish(next)
    await untilWatched(link.state, (state) => liveGeneration(state) === next.generation, gone.signal)
  }
  await publish(snapshot)
  return { pid: child.pid ?? 0, port: link.state.value.proxies[0]?.listeners[0]?.port ?? 0, link, publish }
}
