/** Writing to a stream that a slow reader may hold back. */
import { once } from 'node:events'
import type { Output } from '../deps.ts'

/** Resolves once the stream takes more. */
export async function writeText(output: Output, text: string | Uint8Array, signal?: AbortSignal): Promise<void> {
  if (output.write(text)) return
  await once(output, 'drain', signal === undefined ? {} : { signal })
}
