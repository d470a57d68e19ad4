/** What a listener tells of its requests or connections, and to whom. */
import type { Tracing } from '../../routing/listener-model.ts'
import type { Span } from '../../telemetry/span.ts'

import type { AccessEntry } from './access-entry.ts'
import type { LogFile } from './log-file.ts'
import type { LogLine } from './log-line.ts'
import type { Tracer } from './tracer.ts'

export interface ListenerTellingOptions {
  /** Null: no access log. */
  readonly log: { readonly line: LogLine; readonly file: LogFile } | null
  /** Null: no tracing. */
  readonly tracing: {
    readonly settings: Tracing
    readonly tracer: Tracer
    readonly export: (span: Span) => void
  } | null
  /** Ms since the epoch, of a time that does not go back. */
  readonly epochMs: (monotonicMs: number) => number
}

export class ListenerTelling {
  readonly #options: ListenerTellingOptions
  readonly tracer: Tracer | null
  readonly serviceName: string
  /** Headers of the response that are asked for at the end. */
  readonly responseHeaders: readonly string[]
  readonly epochMs: (monotonicMs: number) => number

  constructor(options: ListenerTellingOptions) {
    const { log, tracing, epochMs } = options
    this.#options = options
    this.tracer = tracing === null ? null : tracing.tracer
    this.serviceName = tracing === null ? '' : tracing.settings.serviceName
    this.responseHeaders = log === null ? [] : log.line.responseHeaders
    this.epochMs = epochMs
  }

  write(entry: AccessEntry): void {
    const { log } = this.#options
    if (log === null) return
    const line = log.file.beginLine()
    if (line === null) return
    log.line.format(entry, line)
    log.file.endLine()
  }

  export(span: Span): void {
    this.#options.tracing?.export(span)
  }
}
