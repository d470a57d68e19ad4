/**
 * `npm run bench:proxy [-- --scenarios small,tls --rounds 3 --seconds 3 --only sluice,envoy]`: our proxy beside nginx,
 * HAProxy and Envoy on this machine, one worker each, with the same rule, backends and load, one after another in each of
 * several rounds. The figure to watch is CPU per request, by the kernel's accounting of the process: it hardly depends on what
 * else the machine does. `--scenarios all` takes about ten minutes.
 */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { parseArgs } from 'node:util'

import { certificateFiles } from './proxy/certificate.ts'
import { startCollector } from './proxy/collector.ts'
import type { Contender, Running, Surroundings } from './proxy/contenders/contender.ts'
import { envoy } from './proxy/contenders/envoy.ts'
import { haproxy } from './proxy/contenders/haproxy.ts'
import { nginx, startBackends } from './proxy/contenders/nginx.ts'
import { sluice } from './proxy/contenders/sluice.ts'
import { idleConnectionKiB } from './proxy/idle.ts'
import { loadAt, loadFully } from './proxy/load.ts'
import type { Loaded, Target } from './proxy/load.ts'
import { printIdle, printRounds } from './proxy/report.ts'
import type { Round } from './proxy/report.ts'
import { SCENARIOS, hostName } from './proxy/scenarios.ts'
import type { Features, Scenario } from './proxy/scenarios.ts'
import { usageOf } from './process-usage.ts'

const { values } = parseArgs({
  options: {
    scenarios: { type: 'string', default: 'small' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    only: { type: 'string' },
  },
})
const WARM_UP_SECONDS = 2
/** Of what the slowest proxy can do. */
const HALF = 0.5
const SPECIAL = ['half-load', 'idle']
const contenders: Readonly<Record<string, Contender>> = { sluice, nginx, haproxy, envoy }

const wanted =
  values.scenarios === 'all' ? [...SCENARIOS.map(({ name }) => name), ...SPECIAL] : values.scenarios.split(',')
for (const name of wanted) {
  if (SPECIAL.includes(name) || SCENARIOS.some((each) => each.name === name)) continue
  const known = [...SCENARIOS.map((each) => each.name), ...SPECIAL, 'all'].join(', ')
  throw new Error(`Cannot run scenario "${name}": there is no such one. There are ${known}`)
}
const [small] = SCENARIOS
if (small === undefined) throw new Error('there is no scenario')

const backend = await startBackends()
const collector = await startCollector()
const surroundings: Surroundings = { ...backend.backends, collector: collector.port, ...(await certificateFiles()) }
try {
  for (const scenario of SCENARIOS) if (wanted.includes(scenario.name)) await runScenario(scenario)
  if (wanted.includes('half-load')) await runHalfLoad(small)
  if (wanted.includes('idle')) await runIdle(small)
} finally {
  collector.stop()
  await backend.stop()
}

async function runScenario(scenario: Scenario): Promise<void> {
  await withContenders(scenario, async (running) => {
    const rounds = await measureAll(running, scenario, (target) => loadFully(target))
    printRounds(`${scenario.name}: ${scenario.what}`, rounds)
  })
}

/** The same rate for all: half of what the slowest can do. */
async function runHalfLoad(scenario: Scenario): Promise<void> {
  await withContenders(scenario, async (running) => {
    const full: number[] = []
    for (const { port } of running) full.push((await loadFully(targetOf(port, scenario, WARM_UP_SECONDS))).perSecond)
    const perSecond = Math.round(Math.min(...full) * HALF)
    const rounds = await measureAll(running, scenario, (target) => loadAt(perSecond, target))
    printRounds(`half-load: ${perSecond} requests/s, half of what the slowest can do`, rounds)
  })
}

async function runIdle(scenario: Scenario): Promise<void> {
  await withContenders(scenario, async (running) => {
    const found = new Map<string, number>()
    for (const each of running) found.set(each.name, await idleConnectionKiB(each))
    printIdle(found)
  })
}

async function withContenders(
  { name, features, load }: Scenario,
  use: (running: readonly Running[]) => Promise<void>,
): Promise<void> {
  const running: Running[] = []
  try {
    for (const [who, contender] of Object.entries(contenders)) {
      if (values.only !== undefined && !values.only.split(',').includes(who)) continue
      const contending = await contender(surroundings, features)
      if (contending === undefined) process.stderr.write(`${who} is not installed: left out\n`)
      else running.push(contending)
    }
    for (const each of running) if (!features.http2) await prove(each, features)
    for (const { port } of running) {
      const { errors, requests } = await loadFully(targetOf(port, { features, load }, WARM_UP_SECONDS))
      if (requests === 0 || errors > 0) process.stderr.write(`${name}: ${errors} errors in ${requests} requests\n`)
    }
    await use(running)
  } finally {
    for (const each of running) await each.stop()
  }
}

function targetOf(port: number, { features, load }: Pick<Scenario, 'features' | 'load'>, seconds: number): Target {
  return { port, features, load, seconds }
}

async function measureAll(
  running: readonly Running[],
  scenario: Scenario,
  load: (target: Target) => Promise<Loaded>,
): Promise<ReadonlyMap<string, readonly Round[]>> {
  const rounds = new Map<string, Round[]>(running.map(({ name }) => [name, []]))
  for (let round = 1; round <= Number(values.rounds); round++) {
    process.stderr.write(`${scenario.name}: round ${round} of ${values.rounds}\n`)
    for (const { name, port, pid } of running) {
      const before = await usageOf(pid)
      const loaded = await load(targetOf(port, scenario, Number(values.seconds)))
      const after = await usageOf(pid)
      const cpuUs = ((after.cpuMs - before.cpuMs) * 1_000) / loaded.requests
      rounds.get(name)?.push({ ...loaded, cpuUs, rssMiB: after.rssMiB })
    }
  }
  return rounds
}

/** Nobody is measured who does not follow the rule. */
async function prove({ name, port }: Running, features: Features): Promise<void> {
  const canary = await answerOf(port, features, { stage: 'canary' })
  const seen = new Set<string>()
  for (let count = 0; count < 200; count++) seen.add(await answerOf(port, features, {}))
  if (canary !== 'version:v2' || seen.size !== 2) {
    throw new Error(`Cannot measure ${name}: it does not follow the rule (${canary}; ${[...seen].join(', ')})`)
  }
}

async function answerOf(port: number, features: Features, headers: Record<string, string>): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await answerOnce(port, features, headers)
    } catch (error) {
      // It may still be starting.
      if (attempt === 100) throw error
      await new Promise((resolve) => {
        setTimeout(resolve, 100)
      })
    }
  }
}

function answerOnce(port: number, { tls, hosts }: Features, headers: Record<string, string>): Promise<string> {
  const request = tls ? httpsRequest : httpRequest
  const host = hosts === 1 ? 'echo.example' : hostName(hosts - 1)
  const options = { host: '127.0.0.1', port, headers: { ...headers, host }, agent: false, rejectUnauthorized: false }
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
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
