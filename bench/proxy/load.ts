/** Load on one proxy, and what came of it. */
import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { percentile } from '../percentile.ts'
import { folder, write } from './contenders/contender.ts'
import type { Features, Load } from './scenarios.ts'
import { hostName } from './scenarios.ts'
import { required } from './tools.ts'

const run = promisify(execFile)
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024

export interface Loaded {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: number
}

export interface Target {
  readonly port: number
  readonly features: Features
  readonly load: Load
  readonly seconds: number
}

/** As many requests as there can be: wrk for HTTP/1.1, h2load for HTTP/2. */
export function loadFully(target: Target): Promise<Loaded> {
  return target.features.http2 ? loadWithH2load(target, []) : loadWithWrk(target)
}

/** So many requests a second, spread evenly. */
export function loadAt(perSecond: number, target: Target): Promise<Loaded> {
  const { connections } = target.load
  const rate = ['--h1', `--rps=${Math.max(1, Math.round(perSecond / connections))}`]
  return loadWithH2load(target, rate)
}

async function loadWithWrk({ port, features, load, seconds }: Target): Promise<Loaded> {
  const script = await write('load.lua', lua(features, load))
  const url = `${features.tls ? 'https' : 'http'}://127.0.0.1:${port}${load.path}`
  const args = ['-t1', `-c${load.connections}`, `-d${seconds}s`, '--latency', '-s', script, url]
  const { stdout } = await run(await required('wrk', 'wrk'), args)
  return {
    requests: numberIn(stdout, /([0-9]+) requests in/),
    perSecond: numberIn(stdout, /Requests\/sec:\s+([0-9.]+)/),
    p50Ms: latencyIn(stdout, '50%'),
    p99Ms: latencyIn(stdout, '99%'),
    errors: numberIn(stdout, /Non-2xx or 3xx responses: ([0-9]+)/) + socketErrorsIn(stdout),
  }
}

/** Requests are made once, so that making them costs little: the load shares the machine with what is measured. */
function lua({ hosts }: Features, { path, postBytes }: Load): string {
  const post = postBytes === 0 ? '' : `wrk.method = "POST"\nwrk.body = string.rep("x", ${postBytes})`
  const host = hosts === 1 ? '' : `wrk.headers["Host"] = "${hostName(0).replace('0', '" .. index .. "')}"`
  return `${post}
local requests = {}
local next = 0
init = function()
  for index = 0, ${hosts - 1} do
    ${host}
    requests[index] = wrk.format(nil, "${path}")
  end
end
request = function()
  next = (next + 7919) % ${hosts}
  return requests[next]
end
`
}

async function loadWithH2load({ port, features, load, seconds }: Target, more: readonly string[]): Promise<Loaded> {
  const log = join(folder, 'h2load.log')
  await rm(log, { force: true })
  const streams = more.length === 0 ? ['-m4', `-c${Math.max(1, load.connections / 4)}`] : [`-c${load.connections}`]
  const url = `${features.tls ? 'https' : 'http'}://127.0.0.1:${port}${load.path}`
  const args = ['-t1', ...streams, `-D${seconds}`, ...more, `--log-file=${log}`, url]
  const { stdout } = await run(await required('h2load', 'nghttp2-client'), args, { maxBuffer: OUTPUT_BYTES_MAX })
  const took = (await readFile(log, 'utf8'))
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [Number(line.split('\t')[2]) / 1_000]))
    .toSorted((a, b) => a - b)
  const [, total = '0', failed = '0'] = /requests: ([0-9]+) total.* ([0-9]+) failed/.exec(stdout) ?? []
  const bad = numberIn(stdout, /status codes:.* ([0-9]+) 4xx/) + numberIn(stdout, /status codes:.* ([0-9]+) 5xx/)
  return {
    requests: Number(total),
    perSecond: numberIn(stdout, /, ([0-9.]+) req\/s/),
    p50Ms: percentile(took, 0.5),
    p99Ms: percentile(took, 0.99),
    errors: Number(failed) + bad,
  }
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0)
}

function socketErrorsIn(text: string): number {
  const counts = /Socket errors: connect ([0-9]+), read ([0-9]+), write ([0-9]+), timeout ([0-9]+)/.exec(text)
  return (counts ?? []).slice(1).reduce((sum, count) => sum + Number(count), 0)
}

function latencyIn(text: string, percent: string): number {
  const [, value = '0', unit = 'ms'] = new RegExp(`${percent}\\s+([0-9.]+)(us|ms|s)`).exec(text) ?? []
  return Number(value) * (unit === 'us' ? 0.001 : unit === 's' ? 1_000 : 1)
}
