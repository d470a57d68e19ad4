/** JSON Patch (RFC 6902) over immutable documents: what an operation does not touch is shared, not copied. */
import { assertNever } from '../base/assert.ts'
import type { JsonPatchOperation } from './client.ts'
import { isJsonArray, isJsonObject, isSameJson, jsonTypeOf } from './json-value.ts'
import { PatchError } from './patch-error.ts'

/** The API server's own limit. */
export const JSON_PATCH_OPERATIONS_MAX = 10_000
/** `copy` can double a document with every operation; together they may not add more than this. */
const COPIED_BYTES_MAX = 3 * 1024 * 1024

/**
 * The document after all operations, or none: `operations` is the parsed body of the request.
 * @throws PatchError
 */
export function applyJsonPatch(document: unknown, operations: unknown): unknown {
  if (!isJsonArray(operations)) {
    throw new PatchError('Malformed', `a JSON patch is a list of operations, not ${jsonTypeOf(operations)}`)
  }
  if (operations.length > JSON_PATCH_OPERATIONS_MAX) {
    throw new PatchError(
      'TooLarge',
      `The allowed maximum operations in a JSON patch is ${JSON_PATCH_OPERATIONS_MAX}, got ${operations.length}`,
    )
  }
  const budget = { copiedBytes: 0 }
  return operations.map(readOperation).reduce((state, operation) => applyOperation(state, operation, budget), document)
}

interface Budget {
  copiedBytes: number
}

function applyOperation(document: unknown, operation: JsonPatchOperation, budget: Budget): unknown {
  const path = parsePointer(operation.path)
  switch (operation.op) {
    case 'add':
      return add(document, path, operation.value)
    case 'remove':
      return remove(document, path)
    case 'replace':
      return edit(document, path, (parent, key) => put(parent, existing(parent, key), operation.value), operation.value)
    case 'test':
      return test(document, path, operation.value)
    case 'move':
      return move(document, parsePointer(operation.from), path)
    case 'copy':
      return add(document, path, charge(read(document, parsePointer(operation.from)), budget))
    default:
      return assertNever(operation)
  }
}

function test(document: unknown, path: Pointer, value: unknown): unknown {
  if (isSameJson(read(document, path), value)) return document
  throw new PatchError('NotApplicable', `testing value ${format(path)} failed`)
}

function move(document: unknown, from: Pointer, to: Pointer): unknown {
  const isInside = to.length > from.length && from.every((key, at) => key === to[at])
  if (isInside) throw new PatchError('NotApplicable', `cannot move ${format(from)} into itself, to ${format(to)}`)
  const value = read(document, from)
  return from.length === 0 ? value : add(remove(document, from), to, value)
}

function charge(value: unknown, budget: Budget): unknown {
  budget.copiedBytes += JSON.stringify(value).length
  if (budget.copiedBytes <= COPIED_BYTES_MAX) return value
  throw new PatchError('TooLarge', `the copy operations of the JSON patch add more than ${COPIED_BYTES_MAX} bytes`)
}

function add(document: unknown, path: Pointer, value: unknown): unknown {
  return edit(document, path, (parent, key) => insert(parent, key, value), value)
}

function remove(document: unknown, path: Pointer): unknown {
  if (path.length === 0) throw new PatchError('NotApplicable', 'cannot remove the whole document')
  return edit(document, path, (parent, key) => drop(parent, existing(parent, key)), undefined)
}

type Container = readonly unknown[] | Readonly<Record<string, unknown>>
type Edit = (parent: Container, key: string) => Container

/** Applies `change` to the container that holds the path's last key; an empty path is the document: `whole` then. */
function edit(document: unknown, path: Pointer, change: Edit, whole: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return whole
  const container = asContainer(document, path)
  if (rest.length === 0) return change(container, key)
  const step = existing(container, key)
  return put(container, step, edit(entry(container, step), rest, change, whole))
}

function insert(parent: Container, key: string, value: unknown): Container {
  if (!isJsonArray(parent)) return { ...parent, [key]: value }
  const at = key === '-' ? parent.length : arrayIndex(key)
  if (at > parent.length) throw missing(key)
  return parent.toSpliced(at, 0, value)
}

function put(parent: Container, key: string, value: unknown): Container {
  return isJsonArray(parent) ? parent.with(Number(key), value) : { ...parent, [key]: value }
}

function drop(parent: Container, key: string): Container {
  if (isJsonArray(parent)) return parent.toSpliced(Number(key), 1)
  return Object.fromEntries(Object.entries(parent).filter(([name]) => name !== key))
}

function read(document: unknown, path: Pointer): unknown {
  return path.reduce<unknown>((value, key) => {
    const container = asContainer(value, path)
    return entry(container, existing(container, key))
  }, document)
}

function asContainer(value: unknown, path: Pointer): Container {
  if (isJsonArray(value) || isJsonObject(value)) return value
  throw new PatchError('NotApplicable', `the path ${format(path)} leads through a ${jsonTypeOf(value)}`)
}

function existing(container: Container, key: string): string {
  const isThere = isJsonArray(container) ? arrayIndex(key) < container.length : Object.hasOwn(container, key)
  if (!isThere) throw missing(key)
  return key
}

function entry(container: Container, key: string): unknown {
  return isJsonArray(container) ? container[Number(key)] : container[key]
}

function arrayIndex(key: string): number {
  if (!/^(0|[1-9][0-9]*)$/.test(key)) throw new PatchError('NotApplicable', `"${key}" is not an index of a list`)
  return Number(key)
}

function missing(key: string): PatchError {
  return new PatchError('NotApplicable', `nothing at "${key}"`)
}

type Pointer = readonly string[]

/** RFC 6901: `json-pointer = *( "/" reference-token )`, where ~1 stands for / and ~0 for ~. */
function parsePointer(text: string): Pointer {
  if (text === '') return []
  if (!text.startsWith('/')) throw new PatchError('Malformed', `"${text}" is not a JSON pointer: it must start with /`)
  return text
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function format(path: Pointer): string {
  return path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('') || '""'
}

function readOperation(value: unknown, at: number): JsonPatchOperation {
  if (!isJsonObject(value)) throw new PatchError('Malformed', `operation ${at} is not an object`)
  const { op, path, from } = value
  if (typeof path !== 'string') throw new PatchError('Malformed', `operation ${at} has no path`)
  switch (op) {
    case 'remove':
      return { op, path }
    case 'add':
    case 'replace':
    case 'test':
      if (!Object.hasOwn(value, 'value')) throw new PatchError('Malformed', `operation ${at} (${op}) has no value`)
      return { op, path, value: value['value'] }
    case 'move':
    case 'copy':
      if (typeof from !== 'string') throw new PatchError('Malformed', `operation ${at} (${op}) has no from`)
      return { op, path, from }
    default:
      throw new PatchError('Malformed', `operation ${at}: unknown op ${JSON.stringify(op)}`)
  }
}
