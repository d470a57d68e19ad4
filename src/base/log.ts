/** Structured log: a constant message and fields. One line per record, on the stream the composition root gives. */
import type { Clock } from './clock.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, unknown>>

export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A log that adds `fields` to each record. */
  with(fields: LogFields): Log
}

export interface LogOptions {
  readonly clock: Clock
  readonly level: LogLevel
  readonly format: 'text' | 'json'
  readonly write: (line: string) => void
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

export function createLog(options: LogOptions, bound: LogFields = {}): Log {
  const record = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    if (RANK[level] < RANK[options.level]) return
    const time = new Date(options.clock.now()).toISOString()
    const all = { ...bound, ...fields }
    options.write(
      options.format === 'json'
        ? `${JSON.stringify({ time, level, message, ...plain(all) })}\n`
        : `${time} ${level.toUpperCase().padEnd(5)} ${message}${asText(all)}\n`,
    )
  }
  return {
    debug: (message, fields) => record('debug', message, fields),
    info: (message, fields) => record('info', message, fields),
    warn: (message, fields) => record('warn', message, fields),
    error: (message, fields) => record('error', message, fields),
    with: (fields) => createLog(options, { ...bound, ...fields }),
  }
}

export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLog,
}

function plain(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value instanceof Error ? describe(value) : value]],
    ),
  )
}

function asText(fields: LogFields): string {
  return Object.entries(plain(fields))
    .map(
      ([key, value]) =>
        ` ${key}=${typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value)}`,
    )
    .join('')
}

function describe(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
