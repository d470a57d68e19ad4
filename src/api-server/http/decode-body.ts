/** Request bodies in the forms clients send: JSON, YAML, and the protobuf of kubectl >= 1.32. */
import type { IncomingMessage } from 'node:http'
import { Composer, Lexer, Parser } from 'yaml'
import type { Document } from 'yaml'
import { messageOf } from '../../base/errors.ts'
import { LINEAR_YAML, yamlValue } from '../../base/yaml-value.ts'
import { decodeProtobuf } from '../../kinds/protobuf.ts'
import type { FindSchema } from '../../kinds/protobuf.ts'
import type { Body } from '../registry/check.ts'
import { badRequest, unsupportedMediaType } from '../registry/errors.ts'
import { readBody } from './body.ts'
import { duplicateKeys } from './duplicate-keys.ts'
import { parseMediaType, PROTOBUF_TYPE } from './negotiate.ts'

const JSON_TYPE = 'application/json'
const YAML_TYPES: ReadonlySet<string> = new Set(['application/yaml', 'text/yaml', 'application/x-yaml'])
/** Objects come nowhere near it; what walks them by recursion stays far from the end of the stack. */
const JSON_DEPTH_MAX = 500
/** Some 30,000 fields. YAML costs its reader fifty times what JSON does, and nobody else is served meanwhile. */
const YAML_TOKENS_MAX = 200_000

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

/** YAML, and the JSON that most clients send as YAML. A key that stands twice is a mistake in both. */
export function decodeYaml(bytes: Buffer): unknown {
  const text = bytes.toString('utf8')
  if (isJson(text)) return withoutDuplicates(decodeJson(bytes))
  try {
    return yamlValue(parseYaml(text), { nodesMax: YAML_TOKENS_MAX })
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: couldn't parse the body as YAML: ${messageOf(error)}`)
  }
}

function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function withoutDuplicates({ value, duplicateFields: [first] }: Body): unknown {
  if (first === undefined) return value
  throw badRequest(`the object provided is unrecognized: the field ${JSON.stringify(first)} stands in it twice`)
}

/** As the library's `parseDocument`, token by token: what has too many of them is left at once. */
function parseYaml(text: string): Document {
  const parser = new Parser()
  const composer = new Composer(LINEAR_YAML)
  const documents: Document[] = []
  let tokens = 0
  for (const token of new Lexer().lex(text)) {
    tokens += 1
    if (tokens > YAML_TOKENS_MAX)
      throw new Error(`it has more than ${YAML_TOKENS_MAX} words and signs: send it as JSON`)
    for (const node of parser.next(token)) documents.push(...composer.next(node))
  }
  for (const node of parser.end()) documents.push(...composer.next(node))
  documents.push(...composer.end(true, text.length))
  const [document, second] = documents
  const [error] = document?.errors ?? []
  if (error !== undefined) throw error
  if (document === undefined || second !== undefined) throw new Error('it has more than one document')
  return document
}

function fromProtobuf(bytes: Buffer, findSchema: FindSchema): unknown {
  try {
    return decodeProtobuf(bytes, findSchema)
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: couldn't decode the protobuf body: ${messageOf(error)}`)
  }
}
