/**
 * `npm run bench:proxy [-- --rounds 3 --seconds 4 --connections 32]`: our proxy beside nginx, HAProxy and Envoy on this
 * machine, one worker each, with the same rule, backend and load, one after another in each of several rounds. The figure to
 * watch is CPU per request, by the kernel's accounting of the process: it hardly depends on what else the machine does.
 */
import { execFile } from 'node:child_process'
import { request } from 'node:http'
import { parseArgs, promisify } from 'node:util'
import { envoy, haproxy, nginx, sluice, startBackends } from './proxy/contenders.ts'
import type { Running } from './proxy/contenders.ts'
import { find, usageOf } from './proxy/tools.ts'

const run = promisify(execFile)

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '32' },
    only: { type: 'string' },
  },
})
const WARM_UP_SECONDS = 2

interface Round {
  readonly requests: number
  readonly perSecond: number
  readonly cpuUs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rssMiB: number
  readonly errors: number
}

const wrk = await find('wrk')
if (wrk === undefined) throw new Error('Cannot run the benchmark: wrk is missing. Install wrk')
const backend = await startBackends()
const running = await startContenders()
try {
  for (const contender of running) await prove(contender)
  for (const contender of running) await load(contender, WARM_UP_SECONDS)
  const rounds = new Map<string, Round[]>(running.map(({ name }) => [name, []]))
  for (let round = 1; round <= Number(values.rounds); round++) {
    process.stderr.write(`round ${round} of ${values.rounds}\n`)
    for (const contender of running) rounds.get(contender.name)?.push(await measure(contender))
  }
  print(rounds)
} finally {
  for (const contender of running) await contender.stop()
  await backend.stop()
}

async function startContenders(): Promise<Running[]> {
  const started: Running[] = []
  for (const [name, contender] of Object.entries({ sluice, nginx, haproxy, envoy })) {
    if (values.only !== undefined && !values.only.split(',').includes(name)) continue
    const contending = await contender(backend.backends)
    if (contending === undefined) process.stderr.write(`${name} is not installed: left out\n`)
    else started.push(contending)
  }
  return started
}

/** Nobody is measured who does not follow the rule. */
async function prove({ name, port }: Running): Promise<void> {
  const canary = await answerOf(port, { stage: 'canary' })
  const seen = new Set<string>()
  for (let count = 0; count < 200; count++) seen.add(await answerOf(port, {}))
  if (canary !== 'version:v2' || seen.size !== 2) throw new Error(`Cannot measure ${name}: it does not follow the rule`)
}

async function answerOf(port: number, headers: Record<string, string>): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await answerOnce(port, headers)
    } catch (error) {
      // It may still be starting.
      if (attempt === 50) throw error
      await new Promise((resolve) => {
        setTimeout(resolve, 100)
      })
    }
  }
}

function answerOnce(port: number, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, headers, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      response.on('end', () => resolve(text.trim()))
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function measure(contender: Running): Promise<Round> {
  const before = await usageOf(contender.pid)
  const text = await load(contender, Number(values.seconds))
  const after = await usageOf(contender.pid)
  const requests = numberIn(text, /([0-9]+) requests in/)
  return {
    requests,
    perSecond: numberIn(text, /Requests\/sec:\s+([0-9.]+)/),
    cpuUs: ((after.cpuMs - before.cpuMs) * 1_000) / requests,
    p50Ms: latencyIn(text, '50%'),
    p99Ms: latencyIn(text, '99%'),
    rssMiB: after.rssMiB,
    errors: numberIn(text, /Non-2xx or 3xx responses: ([0-9]+)/) + socketErrorsIn(text),
  }
}

async function load({ port }: Running, seconds: number): Promise<string> {
  const args = ['-t1', `-c${values.connections}`, `-d${seconds}s`, '--latency', `http://127.0.0.1:${port}/`]
  const { stdout } = await run(wrk ?? 'wrk', args)
  return stdout
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

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

function print(rounds: ReadonlyMap<string, readonly Round[]>): void {
  const of = (name: string, field: keyof Round): number => median((rounds.get(name) ?? []).map((round) => round[field]))
  const lines = [...rounds.keys()].map((name) =>
    [
      name.padEnd(9),
      of(name, 'perSecond').toFixed(0).padStart(10),
      of(name, 'cpuUs').toFixed(1).padStart(12),
      `${(of('sluice', 'cpuUs') / of(name, 'cpuUs')).toFixed(2)}x`.padStart(12),
      of(name, 'p50Ms').toFixed(2).padStart(8),
      of(name, 'p99Ms').toFixed(2).padStart(8),
      of(name, 'rssMiB').toFixed(0).padStart(9),
      String((rounds.get(name) ?? []).reduce((sum, { errors }) => sum + errors, 0)).padStart(7),
    ].join(' '),
  )
  const head = 'proxy     requests/s  CPU us/req  sluice takes  p50 ms  p99 ms  RSS MiB  errors'
  const spread = [...rounds].map(([name, all]) => `${name} ${all.map(({ cpuUs }) => cpuUs.toFixed(1)).join(' ')}`)
  process.stdout.write(`${head}\n${lines.join('\n')}\n\nCPU us/req by round: ${spread.join('; ')}\n`)
}
