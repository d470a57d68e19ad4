/** PATCH bodies. */
import type { Kind } from '../../kinds/kind.ts'
import { patchOf } from '../registry/patch.ts'
import { readBody } from './body.ts'
import { contentTypeOf, decodeJson } from './decode-body.ts'
import type { Exchange } from './exchange.ts'

/** The patch in the body, ready to be applied. */
export async function readPatch(exchange: Exchange, kind: Kind): Promise<(document: unknown) => unknown> {
  const type = contentTypeOf(exchange.request)
  const bytes = await readBody(exchange.request)
  return patchOf(kind, type, () => decodeJson(bytes).value)
}
