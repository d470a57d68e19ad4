/** Request bodies in the forms clients send: JSON, YAML, and the protobuf of kubectl >= 1.32. */
import type { IncomingMessage } from 'node:http'
import { parse as parseYaml } from 'yaml'
import { messageOf } from '../../base/errors.ts'
import { decodeProtobuf } from '../../kinds/protobuf.ts'
import type { FindSchema } from '../../kinds/protobuf.ts'
import type { Body } from '../registry/check.ts'
import { badRequest, unsupportedMediaType } from '../registry/errors.ts'
import { readBody } from './body.ts'
import { duplicateKeys } from './duplicate-keys.ts'
import { parseMediaType } from './negotiate.ts'

const JSON_TYPE = 'application/json'
const YAML_TYPES: ReadonlySet<string> = new Set(['application/yaml', 'text/yaml', 'application/x-yaml'])
/** Objects come nowhere near it; what walks them by recursion stays far from the end of the stack. */
const JSON_DEPTH_MAX = 500
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf'

/** The body's media type, without parameters; JSON where the client named none. */
export function contentTypeOf(request: IncomingMessage): string {
  const header = request.headers['content-type'] ?? ''
  return header === '' ? JSON_TYPE : parseMediaType(header).type
}

/** The decoded body; `value` is undefined when there was none. */
export async function decodeBody(request: IncomingMessage, findSchema: FindSchema): Promise<Body> {
  const bytes = await readBody(request)
  if (bytes.length === 0) return { value: undefined, duplicateFields: [] }
  const type = contentTypeOf(request)
  if (type === JSON_TYPE) return decodeJson(bytes)
  if (YAML_TYPES.has(type)) return { value: decodeYaml(bytes), duplicateFields: [] }
  if (type === PROTOBUF_TYPE) return { value: fromProtobuf(bytes, findSchema), duplicateFields: [] }
  throw unsupportedMediaType([JSON_TYPE, 'application/yaml', PROTOBUF_TYPE])
}

export function decodeJson(bytes: Buffer): Body {
  const text = bytes.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: couldn't parse the body as JSON: ${messageOf(error)}`)
  }
  if (isDeeper(value, JSON_DEPTH_MAX)) {
    throw badRequest(`the object provided is unrecognized: it is nested more than ${JSON_DEPTH_MAX} levels deep`)
  }
  return { value, duplicateFields: duplicateKeys(text) }
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1))
}

export function decodeYaml(bytes: Buffer): unknown {
  try {
    return parseYaml(bytes.toString('utf8')) as unknown
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: couldn't parse the body as YAML: ${messageOf(error)}`)
  }
}

function fromProtobuf(bytes: Buffer, findSchema: FindSchema): unknown {
  try {
    return decodeProtobuf(bytes, findSchema)
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: couldn't decode the protobuf body: ${messageOf(error)}`)
  }
}
