/** A proxy in a process of its own, so that its memory can be watched. */
import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import { startLinkedProxy } from './linked-proxy.ts'

export interface ProxyProcess {
  readonly port: number
  /** Resident memory now, in bytes. */
  rssBytes(): number
  /** The most that was ever resident. */
  peakRssBytes(): number
}

/** Serves the snapshot's first listener; stopped when the test is over. */
export async function startProxyProcess(t: TestContext, snapshot: RoutingSnapshot): Promise<ProxyProcess> {
  const { pid, port } = await startLinkedProxy(t, snapshot)
  return { port, rssBytes: () => memoryOf(pid, 'VmRSS'), peakRssBytes: () => memoryOf(pid, 'VmHWM') }
}

/** From the kernel's own books (Linux); they count in KiB. */
function memoryOf(pid: number, key: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${key}:\\s*([0-9]+) kB$`, 'm').exec(status)?.[1]) * 1024
}
