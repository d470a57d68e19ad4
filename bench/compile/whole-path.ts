/**
 * What a change costs from the write to `Programmed`: a whole Sluice, its API, its controllers, one proxy. Each host has a
 * VirtualService with two weights and an Upstream with a static host.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import { upstreams } from '../../src/dialects/gloo/kinds/upstream.ts'
import { virtualServices } from '../../src/dialects/gloo/kinds/virtual-service.ts'
import type { VirtualService } from '../../src/dialects/gloo/kinds/virtual-service.ts'
import { createHttpClient } from '../../src/kube/http-client.ts'
import type { HttpClient } from '../../src/kube/http-client.ts'
import { createInformers } from '../../src/kube/informers.ts'
import type { Informer } from '../../src/kube/informer.ts'
import { loadKubeconfig } from '../../src/kube/kubeconfig.ts'
import { objectKey } from '../../src/kube/object.ts'
import { percentile } from '../percentile.ts'
import { usageOfOne } from '../process-usage.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const NAMESPACE = 'gloo-system'
/** Writers at the same time while the objects are made. */
const WRITERS = 32
const WARM_UP = 10

export interface WholePath {
  readonly p50Ms: number
  readonly p99Ms: number
  /** From the first write of the start to the last `Programmed`. */
  readonly fillMs: number
  readonly controlRssMiB: number
}

export async function measureWholePath(hosts: number, changes: number): Promise<WholePath> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const dataDir = join(folder, 'data')
  const flags = ['--data-dir', dataDir, '--api-port', '0', '--gateway-port', '0', '-o', 'json', '--log-level', 'error']
  const child = spawn(process.execPath, [MAIN, 'up', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('{')) break
    return await measure(join(dataDir, 'kubeconfig'), hosts, changes, child.pid ?? 0)
  } finally {
    const ended = new Promise((done) => child.once('exit', done))
    child.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
}

// oxlint-disable-next-line max-params -- where, how many, how often, who
async function measure(kubeconfig: string, hosts: number, changes: number, pid: number): Promise<WholePath> {
  const client = createHttpClient(await loadKubeconfig(kubeconfig))
  const end = new AbortController()
  const deps = { clock: systemClock, random: systemRandom, log: silentLog, signal: end.signal }
  const routes = createInformers(client, deps).of(virtualServices)
  await routes.synced
  const startMs = performance.now()
  await fill(client, hosts)
  await Promise.all(Array.from({ length: hosts }, (_, index) => untilProgrammed(routes, index, 1)))
  const fillMs = performance.now() - startMs
  const times: number[] = []
  for (let at = 0; at < changes + WARM_UP; at++) {
    const index = (at * 37) % hosts
    const before = performance.now()
    const body = { spec: specOf(index, at % 100) }
    const { metadata } = await client.patch(virtualServices, keyOf(index), { kind: 'merge', body })
    await untilProgrammed(routes, index, metadata.generation ?? 0)
    if (at >= WARM_UP) times.push(performance.now() - before)
  }
  end.abort()
  client.close()
  const sorted = times.toSorted((a, b) => a - b)
  const { rssMiB } = await usageOfOne(pid)
  return { p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99), fillMs, controlRssMiB: rssMiB }
}

async function fill(client: HttpClient, hosts: number): Promise<void> {
  let next = 0
  const write = async (): Promise<void> => {
    for (let index = next++; index < hosts; index = next++) {
      const metadata = { namespace: NAMESPACE, name: `host-${index}` }
      const spec = { static: { hosts: [{ addr: '127.0.0.1', port: 9 }] } }
      await client.create(upstreams, { apiVersion: 'gloo.solo.io/v1', kind: 'Upstream', metadata, spec })
      const route: VirtualService = {
        apiVersion: 'gateway.solo.io/v1',
        kind: 'VirtualService',
        metadata,
        spec: specOf(index, 50),
      }
      await client.create(virtualServices, route)
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, write))
}

function specOf(index: number, weight: number): NonNullable<VirtualService['spec']> {
  const destination = { upstream: { namespace: NAMESPACE, name: `host-${index}` } }
  const destinations = [
    { destination, weight },
    { destination, weight: 100 - weight },
  ]
  const routes = [{ matchers: [{ prefix: '/' }], routeAction: { multi: { destinations } } }]
  return { virtualHost: { domains: [`host-${index}.example.com`], routes } }
}

function keyOf(index: number): ReturnType<typeof objectKey> {
  return objectKey(NAMESPACE, `host-${index}`)
}

function untilProgrammed(routes: Informer<VirtualService>, index: number, generation: number): Promise<void> {
  const key = keyOf(index)
  const holds = (): boolean => {
    const programmed = routes.get(key)?.status?.conditions?.find(({ type }) => type === 'Programmed')
    return programmed?.status === 'True' && (programmed.observedGeneration ?? 0) >= generation
  }
  return new Promise((done) => {
    if (holds()) return done()
    const stop = routes.onChange(({ new: object }) => {
      if (object?.metadata.name !== `host-${index}` || !holds()) return
      queueMicrotask(() => stop())
      done()
    })
  })
}
