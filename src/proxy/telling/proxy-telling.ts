/** All that one process tells of its traffic: its access logs by path, its exporters of spans by target. */
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Random } from '../../base/random.ts'
import type { AccessLog, Tracing } from '../../routing/listener-model.ts'
import type { ProxyCounters } from '../../telemetry/report.ts'
import { SpanExporter } from '../../telemetry/span-exporter.ts'
import type { SpanTarget } from '../../telemetry/span-exporter.ts'
import type { Continuity } from '../balance/continuity.ts'
import { shareWeights } from '../policy/fault.ts'

import { ListenerTelling } from './listener-telling.ts'
import type { ListenerTellingOptions } from './listener-telling.ts'
import { LogFile } from './log-file.ts'
import { compileLogLine } from './log-line.ts'
import { Tracer } from './tracer.ts'

/** What waits is brought away within this, at the end: less than what a worker has beyond its drain. */
const CLOSE_TIMEOUT_MS = 500
/** A clock that was set by more than this is followed. */
const CLOCK_DRIFT_MS = 10
/** How often that is looked for. */
const CLOCK_READ_INTERVAL_MS = 1_000

export interface ProxyTellingOptions {
  readonly clock: Clock
  readonly monotonicMs: () => number
  readonly random: Random
  readonly log: Log
  readonly hostname: string
  /** What is lost is counted here. */
  readonly counters: ProxyCounters
}

/** What a listener wants told. */
export interface Telling {
  readonly accessLog?: AccessLog | undefined
  readonly tracing?: Tracing | undefined
}

/** Files and exporters stay open until the end: requests of an older snapshot may still have something to tell. */
export class ProxyTelling {
  readonly #options: ProxyTellingOptions
  readonly #files = new Map<string, LogFile>()
  readonly #exporters = new Map<string, SpanExporter>()
  #epochOffsetMs: number
  /** When that was last looked at. */
  #clockReadMs = -Infinity

  constructor(options: ProxyTellingOptions) {
    this.#options = options
    this.#epochOffsetMs = options.clock.now() - options.monotonicMs()
  }

  /** Null: nothing is told. `listener`: its id; its sequence of samples goes on across snapshots. */
  listener(listener: string, { accessLog, tracing }: Telling, continuity: Continuity): ListenerTelling | null {
    if (accessLog === undefined && tracing === undefined) return null
    return new ListenerTelling({
      log: accessLog === undefined ? null : this.#log(accessLog),
      tracing: tracing === undefined ? null : this.#tracing(listener, tracing, continuity),
      epochMs: (monotonicMs) => this.#epochMs(monotonicMs),
    })
  }

  async close(): Promise<void> {
    await Promise.all([
      ...[...this.#files.values()].map((file) => this.#within(file.close())),
      ...[...this.#exporters.values()].map((exporter) => exporter.close(CLOSE_TIMEOUT_MS)),
    ])
    this.#files.clear()
    this.#exporters.clear()
  }

  /** A pipe that nobody reads may hold a write for ever. */
  async #within(closing: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<void>()
    const timer = this.#options.clock.after(CLOSE_TIMEOUT_MS, late.resolve)
    await Promise.race([closing, late.promise])
    timer.cancel()
  }

  #log({ path, format }: AccessLog): ListenerTellingOptions['log'] {
    const { clock, log, counters, hostname } = this.#options
    const onDropped = (count: number): void => void (counters.accessLogEntriesDropped += count)
    const file = this.#files.get(path) ?? new LogFile({ path, clock, log, onDropped })
    this.#files.set(path, file)
    return { line: compileLogLine(format, hostname), file }
  }

  #tracing(listener: string, settings: Tracing, continuity: Continuity): ListenerTellingOptions['tracing'] {
    const { sampledShare } = settings
    const samples = continuity.split(['samples', listener, sampledShare], shareWeights(sampledShare))
    const tracer = new Tracer({ tracing: settings, samples, random: this.#options.random })
    const exporter = settings.export === undefined ? null : this.#exporter(settings.export)
    return { settings, tracer, export: (span) => exporter?.add(span) }
  }

  #exporter(target: SpanTarget): SpanExporter {
    const key = `${target.kind} ${target.url}`
    const { clock, log, counters } = this.#options
    const exporter =
      this.#exporters.get(key) ??
      new SpanExporter({
        target,
        clock,
        log,
        onSent: (count) => void (counters.spansSent += count),
        onDropped: (count) => void (counters.spansDropped += count),
      })
    this.#exporters.set(key, exporter)
    return exporter
  }

  /** By the time that does not go back, so that spans nest; set right when the clock was set. */
  #epochMs(monotonicMs: number): number {
    if (monotonicMs - this.#clockReadMs < CLOCK_READ_INTERVAL_MS) return monotonicMs + this.#epochOffsetMs
    this.#clockReadMs = monotonicMs
    const { clock, monotonicMs: now } = this.#options
    const offsetMs = clock.now() - now()
    if (Math.abs(offsetMs - this.#epochOffsetMs) > CLOCK_DRIFT_MS) this.#epochOffsetMs = offsetMs
    return monotonicMs + this.#epochOffsetMs
  }
}
