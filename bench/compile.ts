/**
 * What a change costs the data plane: from `publish` to the acknowledgement of a real proxy process.
 * With --whole: what it costs a whole Sluice, from the write of a weight to `Programmed`.
 *
 *     npm run bench:compile                       all sizes
 *     npm run bench:compile -- --hosts 3000       one of them
 *     npm run bench:compile -- --whole            from write to Programmed
 */
import { parseArgs } from 'node:util'
import { performance } from 'node:perf_hooks'
import type { RoutingSnapshot } from '../src/routing/model.ts'

import { startRealProxy } from './compile/real-proxy.ts'
import type { RealProxy } from './compile/real-proxy.ts'
import { snapshotOf, withOtherWeights, withoutEndpoint } from './compile/snapshots.ts'
import type { Size } from './compile/snapshots.ts'
import { measureWholePath } from './compile/whole-path.ts'
import { percentile } from './percentile.ts'

/** Virtual hosts; with one endpoint each and with ten. */
const HOSTS = [10, 1_000, 3_000, 10_000]
const WHOLE_PATH_HOSTS = [10, 1_000, 3_000]
const CHANGES = 300
const WHOLE_PATH_CHANGES = 100
/** What is slow is not measured as often. */
const TIME_MAX_MS = 20_000
const WARM_UP = 30
const LISTENERS = 200
const LISTENERS_HOSTS = 1_000

type Change = (before: RoutingSnapshot, index: number) => RoutingSnapshot

interface Cost {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly bytes: number
  readonly cpuMs: number
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { hosts: { type: 'string', multiple: true }, whole: { type: 'boolean' } } })
  if (values.whole === true) return await measureWholePaths(values.hosts?.map(Number) ?? WHOLE_PATH_HOSTS)
  const sizes = values.hosts === undefined ? HOSTS : values.hosts.map(Number)
  say(
    'hosts  endpoints  whole ms  RSS MiB | one weight: p50  p99 ms  bytes  CPU ms | one endpoint: p50  p99 ms  bytes  CPU ms',
  )
  for (const hosts of sizes) {
    for (const endpoints of [1, 10]) await measure({ hosts, endpoints, listeners: 1 })
  }
  if (values.hosts === undefined) await measureListeners()
}

async function measureWholePaths(sizes: readonly number[]): Promise<void> {
  say('hosts  fill s  RSS MiB | one weight, write to Programmed: p50  p99 ms')
  for (const hosts of sizes) {
    const { fillMs, controlRssMiB, p50Ms, p99Ms } = await measureWholePath(hosts, WHOLE_PATH_CHANGES)
    const start = [hosts, (fillMs / 1_000).toFixed(1), controlRssMiB.toFixed(0)].join('  ')
    say(`${start} | ${p50Ms.toFixed(1)}  ${p99Ms.toFixed(1)}`)
  }
}

async function measure(size: Size): Promise<void> {
  const proxy = await startRealProxy()
  const first = snapshotOf(size)
  const startMs = performance.now()
  await proxy.publish(first)
  const wholeMs = performance.now() - startMs
  const weights = await costOf(proxy, first, withOtherWeights)
  const endpoints = await costOf(proxy, weights.last, withoutEndpoint)
  const { rssMiB } = await proxy.usage()
  await proxy.stop()
  const start = [size.hosts, size.hosts * size.endpoints, wholeMs.toFixed(0), rssMiB.toFixed(0)].join('  ')
  say(`${start} | ${textOf(weights.cost)} | ${textOf(endpoints.cost)}`)
}

async function costOf(
  proxy: RealProxy,
  first: RoutingSnapshot,
  change: Change,
): Promise<{ readonly cost: Cost; readonly last: RoutingSnapshot }> {
  let last = first
  const hosts = first.sources.length
  const step = async (at: number): Promise<number> => {
    last = change(last, (at * 7) % hosts)
    const startMs = performance.now()
    await proxy.publish(last)
    return performance.now() - startMs
  }
  const untilMs = performance.now() + TIME_MAX_MS
  for (let at = 0; at < WARM_UP && performance.now() < untilMs - TIME_MAX_MS / 2; at++) await step(at)
  const before = await proxy.usage()
  const times: number[] = []
  while (times.length < CHANGES && performance.now() < untilMs) times.push(await step(WARM_UP + times.length))
  const after = await proxy.usage()
  const sorted = times.toSorted((a, b) => a - b)
  const cost = {
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    bytes: (after.bytesRead - before.bytesRead) / times.length,
    cpuMs: (after.cpuMs - before.cpuMs) / times.length,
  }
  return { cost, last }
}

/** What many listeners with one route table take of the proxy's memory, against one listener. */
async function measureListeners(): Promise<void> {
  const one = await rssOf({ hosts: LISTENERS_HOSTS, endpoints: 10, listeners: 1 })
  const many = await rssOf({ hosts: LISTENERS_HOSTS, endpoints: 10, listeners: LISTENERS })
  say(`one route table of ${LISTENERS_HOSTS} hosts: 1 listener ${one.toFixed(0)} MiB`)
  say(`${LISTENERS} listeners ${many.toFixed(0)} MiB, ${(many / one).toFixed(2)} times as much`)
}

async function rssOf(size: Size): Promise<number> {
  const proxy = await startRealProxy()
  await proxy.publish(snapshotOf(size))
  const { rssMiB } = await proxy.usage()
  await proxy.stop()
  return rssMiB
}

function textOf({ p50Ms, p99Ms, bytes, cpuMs }: Cost): string {
  return [p50Ms.toFixed(1), p99Ms.toFixed(1), bytes.toFixed(0), cpuMs.toFixed(1)].join('  ')
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

await main()
