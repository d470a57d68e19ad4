/** One request and its answer, as the handlers see it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { WriteRequest } from '../registry/context.ts'
import { badRequest } from '../registry/errors.ts'
import type { Upgrade } from './upgrades.ts'

export interface Exchange {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The connection, where the client asks for another protocol on it. */
  readonly upgrade?: Upgrade
  /** Aborts when the client is gone or the server stops. */
  readonly signal: AbortSignal
  /** Rejects with 403 when the user may not do this to what the request addresses, beside the verb that it came with. */
  readonly demand: (verb: string) => Promise<void>
}

const WARNING_LENGTH_MAX = 4096
const WARNINGS_MAX = 50
const MANAGER_LENGTH_MAX = 128

/** The parameters of a write. Its warnings become headers of the answer. */
export function writeRequestOf(exchange: Exchange): WriteRequest {
  const { query, request, response } = exchange
  const warnings: string[] = []
  return {
    dryRun: dryRunOf(query),
    fieldValidation: fieldValidationOf(query),
    manager: managerOf(query, request),
    warn: (message) => {
      if (warnings.length >= WARNINGS_MAX || warnings.includes(message)) return
      warnings.push(message)
      response.appendHeader('Warning', warningHeader(message))
    },
  }
}

function dryRunOf(query: URLSearchParams): boolean {
  const values = query.getAll('dryRun').filter((value) => value !== '')
  const unknown = values.find((value) => value !== 'All')
  if (unknown !== undefined) throw badRequest(`Cannot do a dry run "${unknown}": only "All" is supported`)
  return values.length > 0
}

function fieldValidationOf(query: URLSearchParams): WriteRequest['fieldValidation'] {
  const value = query.get('fieldValidation') ?? ''
  if (value === '') return 'Warn'
  if (value === 'Ignore' || value === 'Warn' || value === 'Strict') return value
  throw badRequest(`Cannot validate fields as "${value}": fieldValidation must be Ignore, Warn or Strict`)
}

function managerOf(query: URLSearchParams, request: IncomingMessage): string {
  const manager = query.get('fieldManager') ?? ''
  if (manager.length > MANAGER_LENGTH_MAX) throw badRequest('fieldManager may not be more than 128 characters')
  return manager === '' ? ((request.headers['user-agent'] ?? '').split('/')[0] ?? '') || 'unknown' : manager
}

/** RFC 7234 §5.5: code 299, no agent, the text quoted. Characters that a header cannot carry are replaced. */
function warningHeader(message: string): string {
  const text = message
    .slice(0, WARNING_LENGTH_MAX)
    .replace(/[^\t\x20-\x7e]/g, '?')
    .replace(/["\\]/g, '\\$&')
  return `299 - "${text}"`
}
