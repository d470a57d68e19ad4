/** `kubectl logs` for one pod: which log, from where, in which form. */
import type { Clock } from '../../base/clock.ts'
import { failure } from '../../kube/api-error.ts'
import type { ApiError } from '../../kube/api-error.ts'
import type { ContainerRuntime } from '../pod/container-runtime.ts'
import type { LogKeeper } from './log-keeper.ts'
import type { LogLayout } from './log-layout.ts'
import { LogTimes } from './log-times.ts'
import type { PodLogOptions } from './options.ts'
import { follow, readAvailable, tailPosition } from './read-log.ts'
import type { Chunk } from './read-log.ts'

export interface LogSource {
  readonly pod: string
  readonly containers: readonly ContainerRuntime[]
  readonly keeper: LogKeeper
  readonly clock: Clock
}

const NEWLINE = 10

/** Throws `ApiError` at once where there is no log. */
export function containerLogs(
  source: LogSource,
  options: PodLogOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const container = chooseContainer(source, options.container)
  const attempt = chooseAttempt(source.pod, container, options.previous === true)
  const sinceMs = sinceOf(options, source.clock.now())
  const file = container.filesOf(attempt).log
  const layout = (): LogLayout => source.keeper.layout(file)
  const isOver = (): boolean => container.record.attempt !== attempt || !container.isRunning
  return readLog({ layout, isOver, sinceMs, options, clock: source.clock, signal })
}

interface ReadRequest {
  readonly layout: () => LogLayout
  readonly isOver: () => boolean
  readonly sinceMs: number | undefined
  readonly options: PodLogOptions
  readonly clock: Clock
  readonly signal: AbortSignal
}

async function* readLog(request: ReadRequest): AsyncGenerator<Uint8Array> {
  const { layout, options, clock } = request
  const start = await startOf(request)
  const chunks = options.follow === true ? follow(start, request) : readAvailable(layout(), start)
  const stamp = new LineStamp(new LogTimes(layout, clock))
  let rest = options.limitBytes ?? Number.POSITIVE_INFINITY
  for await (const chunk of chunks) {
    const bytes = options.timestamps === true ? stamp.apply(chunk) : chunk.bytes
    yield bytes.length > rest ? bytes.subarray(0, rest) : bytes
    rest -= bytes.length
    if (rest <= 0) return
  }
}

async function startOf({ layout, options, sinceMs, clock }: ReadRequest): Promise<number> {
  const now = layout()
  const since = sinceMs === undefined ? 0 : new LogTimes(layout, clock).positionAt(sinceMs)
  const tail = options.tailLines === undefined ? 0 : await tailPosition(now, options.tailLines)
  return Math.max(since, tail, now.segments()[0]?.start ?? 0)
}

/** Puts its time before each line. */
class LineStamp {
  readonly #times: LogTimes
  #isLineStart = true

  constructor(times: LogTimes) {
    this.#times = times
  }

  apply({ position, bytes }: Chunk): Buffer {
    this.#times.refresh()
    const parts: Buffer[] = []
    for (let from = 0; from < bytes.length;) {
      const newline = bytes.indexOf(NEWLINE, from)
      const to = newline < 0 ? bytes.length : newline + 1
      if (this.#isLineStart) {
        const time = new Date(this.#times.timeAt(position + from)).toISOString()
        parts.push(Buffer.from(`${time} `))
      }
      parts.push(bytes.subarray(from, to))
      this.#isLineStart = newline >= 0
      from = to
    }
    return Buffer.concat(parts)
  }
}

function chooseContainer({ pod, containers }: LogSource, name: string | undefined): ContainerRuntime {
  const mains = containers.filter(({ record }) => !record.isInit)
  if (name === undefined) {
    const [only] = mains
    if (only !== undefined && mains.length === 1) return only
    const names = mains.map(({ spec }) => spec.name)
    throw badRequest(`a container name must be specified for pod ${pod}, choose one of: [${names.join(' ')}]`)
  }
  const chosen = containers.find(({ spec }) => spec.name === name)
  if (chosen === undefined) throw badRequest(`container ${name} is not valid for pod ${pod}`)
  return chosen
}

function chooseAttempt(pod: string, { spec, record }: ContainerRuntime, previous: boolean): number {
  if (!previous) {
    if (record.attempt >= 0) return record.attempt
    const why = record.phase.kind === 'waiting' ? waitingFor(record.phase) : 'ContainerCreating'
    throw badRequest(`container "${spec.name}" in pod "${pod}" is waiting to start: ${why}`)
  }
  const before =
    record.phase.kind === 'running' || record.phase.kind === 'starting' ? record.attempt - 1 : record.attempt
  if (before >= 0 && record.restarts > 0) return before
  throw badRequest(`previous terminated container "${spec.name}" in pod "${pod}" not found`)
}

function waitingFor({ reason, message }: { readonly reason: string; readonly message?: string }): string {
  return message === undefined ? reason : `${reason}: ${message}`
}

function sinceOf({ sinceSeconds, sinceTime }: PodLogOptions, nowMs: number): number | undefined {
  if (sinceSeconds !== undefined) return nowMs - sinceSeconds * 1000
  if (sinceTime === undefined) return undefined
  const timeMs = Date.parse(sinceTime)
  if (Number.isNaN(timeMs)) throw badRequest(`sinceTime: "${sinceTime}" is not an RFC 3339 time`)
  return timeMs
}

function badRequest(message: string): ApiError {
  return failure({ code: 400, reason: 'BadRequest', message })
}
