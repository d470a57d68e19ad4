/**
 * Sluice's own HTTP surface, `/sluice.dev/…`: what the web page and `sluice explain` ask. It stands beside the Kubernetes API, on
 * the same port and behind the same authentication and authorization, and is no part of it: no discovery, no objects.
 */
import { methodNotAllowed } from '../registry/errors.ts'
import type { Exchange } from './exchange.ts'
import { jsonReply } from './reply.ts'
import type { Reply } from './reply.ts'

/** By path, below `/sluice.dev/`. Each answers a GET with what becomes JSON; an `ApiError` is answered as one. */
export type OwnPaths = Readonly<Record<`/sluice.dev/${string}`, (query: URLSearchParams) => unknown>>

/** The answer; undefined for other paths. */
export function ownReply(ownPaths: OwnPaths, { path, query, method }: Exchange): Promise<Reply> | undefined {
  const answerTo = Object.entries(ownPaths).find(([own]) => own === path)?.[1]
  if (answerTo === undefined) return undefined
  if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed()
  return Promise.resolve(answerTo(query)).then((answer) => jsonReply(200, answer))
}
