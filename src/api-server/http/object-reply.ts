/** One object in the form the client asked for. */
import { assertNever } from '../../base/assert.ts'
import type { Kind } from '../../kinds/kind.ts'
import type { KubeObject } from '../../kube/object.ts'
import { metadataOf, tableOf } from '../read/table.ts'
import type { TableKind, TableOptions } from '../read/table.ts'
import type { ApiContext } from '../registry/context.ts'
import { badRequest } from '../registry/errors.ts'
import type { Stored } from '../storage/collection.ts'
import type { Exchange } from './exchange.ts'
import { representationOf } from './negotiate.ts'
import type { Representation } from './negotiate.ts'
import { jsonReply } from './reply.ts'
import type { Reply } from './reply.ts'

/** Built-in kinds, those with strategic patches, may be asked for in more forms than custom resources. */
type ReplyKind = TableKind & Pick<Kind, 'strategicPatch'>

export interface Answer {
  readonly kind: ReplyKind
  readonly object: KubeObject
  /** The object's JSON, where it exists already. */
  readonly json?: string
  readonly code: number
}

type Item = Pick<Stored, 'object' | 'json'>

export function objectReply(context: ApiContext, exchange: Exchange, { kind, object, json, code }: Answer): Reply {
  const encode = encoder(context, exchange, kind)
  return jsonReply(code, encode({ object, json: json ?? JSON.stringify(object) }))
}

/** Turns objects into JSON of the form in the request's Accept header; 406 when there is none. */
export function encoder(context: ApiContext, exchange: Exchange, kind: ReplyKind): (item: Item) => string {
  const representation = representationOf(exchange.request.headers.accept, { isBuiltIn: kind.strategicPatch })
  switch (representation.kind) {
    case 'object':
      return ({ json }) => json
    case 'metadata':
      return ({ object }) => JSON.stringify(metadataOf(object, representation.version))
    case 'table': {
      const includeObject = includeObjectOf(exchange)
      return (item) => {
        const options = { kind, version: representation.version, includeObject, nowMs: context.clock.now() }
        return JSON.stringify(tableOf(options, [item], { resourceVersion: item.object.metadata.resourceVersion }))
      }
    }
    default:
      return assertNever(representation)
  }
}

export function tableOptions(
  context: ApiContext,
  exchange: Exchange,
  kind: TableKind,
  { version }: Extract<Representation, { kind: 'table' }>,
): TableOptions {
  return { kind, version, includeObject: includeObjectOf(exchange), nowMs: context.clock.now() }
}

function includeObjectOf(exchange: Exchange): TableOptions['includeObject'] {
  const includeObject = exchange.query.get('includeObject') ?? 'Metadata'
  if (includeObject === 'None' || includeObject === 'Metadata' || includeObject === 'Object') return includeObject
  throw badRequest(`Cannot include objects as "${includeObject}": includeObject must be None, Metadata or Object`)
}
