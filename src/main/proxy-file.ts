/**
 * `sluice proxy -f`: a proxy alone. This process reads the file, starts the workers that serve it, and answers at the
 * admin port for all of them; it talks to the workers as the control plane does to its proxies.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { hostPort } from '../base/host-port.ts'
import { messageOf } from '../base/errors.ts'
import { createLog } from '../base/log.ts'
import type { Log } from '../base/log.ts'
import { untilWatched } from '../base/watched.ts'
import type { ProxyFileOptions } from '../cli/deps.ts'
import { startAdmin } from '../proxy/admin.ts'
import { reportClusters } from '../proxy/cluster-report.ts'
import { startControlLink } from '../proxy/control-link.ts'
import type { ControlLink } from '../proxy/control-link.ts'
import { canSharePorts } from '../proxy/shared-port.ts'
import { socketFlags, WorkerGroup } from '../proxy/worker-group.ts'
import { prometheusParts } from '../telemetry/prometheus.ts'
import { liveGeneration } from '../routing/data-plane.ts'
import type { DataPlaneState } from '../routing/data-plane.ts'
import type { RoutingSnapshot } from '../routing/model.ts'
import { TelemetryStore } from '../telemetry/store.ts'
import { explainServed } from './explain.ts'
import { ListenerPorts } from './listener-ports.ts'
import { RoutingFileReader } from './routing-file.ts'
import type { Reading } from './routing-file.ts'
import type { Surroundings } from './surroundings.ts'

/** Resolves with the exit code: 0 after a signal or `/drain`, 1 when it cannot start. */
export async function proxyFile(options: ProxyFileOptions, surroundings: Surroundings): Promise<number> {
  const { clock, stderr } = surroundings
  const write = (line: string): unknown => stderr.write(line)
  const log = createLog({ clock, level: options.logLevel, format: options.logFormat, write })
  if (options.workers > 1 && !canSharePorts(process.platform)) {
    throw new Error(
      `Cannot run ${options.workers} workers: this system does not let processes share a port; leave --workers out`,
    )
  }
  await using parts = new AsyncDisposableStack()
  const folder = parts.adopt(await mkdtemp(join(tmpdir(), 'sluice-proxy-')), (path) => rm(path, { recursive: true }))
  const alone = new Alone(options, surroundings, log)
  if (!(await alone.reload())) return 1
  await alone.run(join(folder, 'link.sock'))
  return 0
}

class Alone {
  readonly #options: ProxyFileOptions
  readonly #surroundings: Surroundings
  readonly #log: Log
  readonly #reader: RoutingFileReader
  readonly #ports = new ListenerPorts()
  readonly #telemetry: TelemetryStore
  readonly #ending = new AbortController()
  #link: ControlLink | undefined
  /** What came of the last reading, and what is served. */
  #problems: readonly string[] = []
  #good: RoutingSnapshot | undefined
  /** What all workers serve or have served. */
  #proven: RoutingSnapshot | undefined
  /** Why nothing could be served from the beginning. */
  #failure: string | undefined
  #reloading: Promise<unknown> = Promise.resolve()

  constructor(options: ProxyFileOptions, surroundings: Surroundings, log: Log) {
    this.#options = options
    this.#surroundings = surroundings
    this.#log = log
    this.#reader = new RoutingFileReader({ file: options.file, source: options.source, clock: surroundings.clock })
    this.#telemetry = new TelemetryStore({ clock: surroundings.clock })
  }

  /** Reads the file and, where it is good, serves it; says whether it is. One reading at a time. */
  reload(): Promise<boolean> {
    const reloading = this.#reloading.then(() => this.#reload())
    this.#reloading = reloading
    return reloading
  }

  /** Serves until the signal aborts or `/drain` is called, then until the last request is over. */
  async run(socketPath: string): Promise<void> {
    const { clock, signal, onHangup } = this.#surroundings
    const closing = new AbortController()
    const onReport = this.#telemetry.ingest.bind(this.#telemetry)
    const shared = { clock, log: this.#log, signal: closing.signal }
    const link = await startControlLink({ ...shared, socketPath, expected: this.#options.workers, onReport })
    this.#link = link
    link.state.subscribe((state) => this.#onState(state))
    const ended = new AbortController()
    try {
      const admin = await this.#startAdmin(ended.signal)
      this.#publish()
      const group = new WorkerGroup({ ...this.#surroundings, ...this.#workers(socketPath), log: this.#log })
      onHangup(() => void this.reload())
      const ending = AbortSignal.any([signal, this.#ending.signal])
      if (this.#options.watch) this.#reader.watch(() => void this.reload(), ending)
      await this.#announce(link, admin, ending)
      await aborted(ending)
      this.#ending.abort()
      await group.stop()
      if (this.#failure !== undefined) throw new Error(this.#failure)
    } finally {
      ended.abort()
      closing.abort()
      await link.closed
    }
  }

  async #reload(): Promise<boolean> {
    const reading = await this.#read()
    if (reading === undefined) return this.#problems.length === 0
    const known = this.#problems
    this.#problems = reading.kind === 'bad' ? reading.problems : []
    if (reading.kind === 'bad') {
      // Of what is tried again and again only the news.
      if (!isDeepStrictEqual(known, this.#problems)) this.#tell(reading.problems)
      return false
    }
    for (const warning of reading.warnings) this.#log.warn('the file is doubtful', { warning })
    this.#good = reading.snapshot
    this.#log.info('read the file', { file: this.#options.source, generation: reading.snapshot.generation })
    this.#publish()
    return true
  }

  /** At the start, for people; later, among everything else that happens. */
  #tell(problems: readonly string[]): void {
    for (const problem of problems) {
      if (this.#link === undefined) this.#surroundings.stderr.write(`${problem}\n`)
      else this.#log.error('cannot serve the file, serving on', { problem })
    }
  }

  async #read(): Promise<Reading | undefined> {
    const reading = await this.#reader.read()
    if (reading?.kind !== 'good') {
      this.#reader.settle()
      return reading
    }
    try {
      const snapshot = await this.#ports.settle(reading.snapshot)
      this.#reader.settle()
      return { ...reading, snapshot }
    } catch (error) {
      return { kind: 'bad', problems: [messageOf(error)] }
    }
  }

  /** Once one worker has refused a snapshot none is to have it: one that starts later would have nothing to serve. */
  #onState(state: DataPlaneState): void {
    const published = this.#link?.published.value
    if (published === undefined) return
    if (liveGeneration(state) === published.generation) this.#proven = published
    if (published === this.#proven || published !== this.#good) return
    const refused = state.proxies.find((proxy) => proxy.refused?.generation === published.generation)?.refused
    if (refused !== undefined) this.#onRefused(refused.reason)
  }

  #onRefused(reason: string): void {
    this.#problems = [reason]
    this.#good = this.#proven === undefined ? undefined : { ...this.#proven, generation: this.#reader.nextGeneration() }
    if (this.#good === undefined) {
      this.#failure = reason
      this.#ending.abort()
      return
    }
    this.#tell(this.#problems)
    this.#proven = this.#good
    this.#publish()
  }

  #publish(): void {
    if (this.#good !== undefined) this.#link?.publish(this.#good)
  }

  #workers(
    socketPath: string,
  ): Pick<ConstructorParameters<typeof WorkerGroup>[0], 'command' | 'count' | 'nameOf' | 'drainTimeoutMs'> {
    const { workers, drainTimeoutMs, logLevel, logFormat } = this.#options
    const drain = ['--drain-timeout', `${drainTimeoutMs}ms`]
    const log = ['--log-level', logLevel, '--log-format', logFormat]
    const run = ['proxy', 'run', '--socket', socketPath, '--end-with-control', ...socketFlags(process.platform)]
    const command = [...this.#surroundings.selfCommand, ...run, ...drain, ...log]
    return { command, count: workers, nameOf: (place) => `worker-${place}`, drainTimeoutMs }
  }

  #startAdmin(signal: AbortSignal): Promise<number> {
    const { adminAddress: address, adminPort: port, source: file } = this.#options
    const source = {
      metrics: () => prometheusParts(this.#telemetry),
      config: () => ({ file, problems: this.#problems, snapshot: this.#link?.published.value ?? null }),
      clusters: async () => {
        const snapshot = this.#link?.published.value
        const workers = (await this.#link?.describe()) ?? []
        return snapshot === undefined ? { clusters: [], draining: [] } : reportClusters(snapshot, workers)
      },
      explain: (query: URLSearchParams) => explainServed(this.#link, query),
      unready: () => (this.#isEnding() ? 'draining' : unready(this.#link)),
      drain: () => this.#ending.abort(),
    }
    return startAdmin({ address, port, source, log: this.#log, signal }).catch((error: unknown) => {
      const why = messageOf(error)
      throw new Error(`Cannot open the admin port "${address}:${port}": ${why}; choose another with --admin-port`)
    })
  }

  async #announce(link: ControlLink, adminPort: number, signal: AbortSignal): Promise<void> {
    const isServed = (): boolean => liveGeneration(link.state.value) !== null && unready(link) === undefined
    const isUp = await untilWatched(link.state, isServed, signal).then(
      () => true,
      // Told to end before it was ready.
      () => false,
    )
    if (!isUp) return
    const bound = link.state.value.proxies[0]?.listeners ?? []
    const listeners = bound.map(({ id, address, port }) => `${id} ${hostPort(address, port)}`)
    const admin = hostPort(this.#options.adminAddress, adminPort)
    this.#surroundings.stdout.write(`Sluice proxy is ready: ${listeners.join(', ')}, admin http://${admin}\n`)
  }

  #isEnding(): boolean {
    return this.#ending.signal.aborted || this.#surroundings.signal.aborted
  }
}

/** Why no worker serves; undefined when at least one does, on every listener. */
function unready(link: ControlLink | undefined): string | undefined {
  const workers = (link?.state.value.proxies ?? []).filter(
    ({ connected, acknowledged }) => connected && acknowledged !== null,
  )
  const [first] = workers
  if (first === undefined) return 'no worker serves yet'
  const isBound = workers.some(({ listeners }) => listeners.every(({ error }) => error === undefined))
  return isBound ? undefined : `cannot listen: ${first.listeners.flatMap(({ error }) => error ?? []).join('; ')}`
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
