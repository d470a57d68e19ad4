/** Reading a request's body, with its limit. */
import type { IncomingMessage } from 'node:http'
import { badRequest, tooLarge } from '../registry/errors.ts'

const BODY_BYTES_MAX = 3 * 1024 * 1024
/** What is read and thrown away of a body that is too large, so that the client gets to read the answer. */
const DRAINED_BYTES_MAX = 64 * 1024 * 1024

/** The whole body; 413 when it is larger than `BODY_BYTES_MAX`. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size <= BODY_BYTES_MAX) chunks.push(chunk)
      else chunks.length = 0
      if (size > DRAINED_BYTES_MAX) break
    }
  } catch (cause) {
    throw badRequest(`Cannot read the request's body: ${(cause as Error).message}`)
  }
  if (size > BODY_BYTES_MAX) throw tooLarge(BODY_BYTES_MAX)
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
}
