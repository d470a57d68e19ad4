/** Content negotiation: in which form a client wants the objects (`Accept`), after apimachinery's media types. */
import { notAcceptable } from '../registry/errors.ts'

const JSON_TYPE = 'application/json'
export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf'

export interface MediaType {
  /** `application/json` */
  readonly type: string
  readonly parameters: Readonly<Record<string, string>>
}

export type Representation =
  | { readonly kind: 'object' }
  | { readonly kind: 'table'; readonly version: 'v1' | 'v1beta1' }
  | { readonly kind: 'metadata'; readonly version: 'v1' | 'v1beta1' }

/** Types in the order the client prefers them. */
export function parseAccept(header: string | undefined): readonly MediaType[] {
  const ranked = (header ?? '*/*').split(',').map((part) => {
    const media = parseMediaType(part)
    return { media, quality: Number(media.parameters['q'] ?? 1) }
  })
  return ranked.toSorted((a, b) => b.quality - a.quality).map(({ media }) => media)
}

export function parseMediaType(text: string): MediaType {
  const [type = '', ...pairs] = text.split(';').map((part) => part.trim())
  const parameters = pairs.map((pair) => {
    const equals = pair.indexOf('=')
    return [pair.slice(0, equals).toLowerCase(), unquote(pair.slice(equals + 1))] as const
  })
  return { type: type.toLowerCase(), parameters: Object.fromEntries(parameters) }
}

/**
 * The first form in the client's list that we can produce; 406 when there is none. Who wants protobuf alone of a
 * built-in kind gets JSON, as RFC 9110 §12.5.1 allows: clients in Go read the answer by its Content-Type. For custom
 * resources a real API server has no protobuf either.
 */
export function representationOf(
  accept: string | undefined,
  { isBuiltIn }: { readonly isBuiltIn: boolean },
): Representation {
  const wanted = parseAccept(accept)
  const instead = wanted
    .filter(({ type, parameters }) => type === PROTOBUF_TYPE && (isBuiltIn || parameters['as'] !== undefined))
    .map(({ parameters }) => ({ type: JSON_TYPE, parameters }))
  for (const media of [...wanted, ...instead]) {
    const representation = representationFor(media)
    if (representation !== undefined) return representation
  }
  throw notAcceptable([JSON_TYPE])
}

function representationFor({ type, parameters }: MediaType): Representation | undefined {
  if (!isJson(type)) return undefined
  const as = parameters['as']
  if (as === undefined) return { kind: 'object' }
  const version = parameters['v']
  if (parameters['g'] !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined
  if (as === 'Table') return { kind: 'table', version }
  if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { kind: 'metadata', version }
  return undefined
}

function isJson(type: string): boolean {
  return type === JSON_TYPE || type === '*/*' || type === 'application/*'
}

function unquote(text: string): string {
  return text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text
}
