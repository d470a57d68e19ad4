/**
 * JSON Patch (RFC 6902) over immutable documents. What the operations change is copied once, at its first change, and
 * from then on changed in place: many operations on a large object cost no copy each. The rest is shared.
 */
import { assertNever } from '../base/assert.ts'
import type { JsonPatchOperation } from './client.ts'
import { isJsonArray, isJsonObject, isSameJson, jsonTypeOf } from './json-value.ts'
import { PatchError } from './patch-error.ts'

/** The API server's own limit. */
export const JSON_PATCH_OPERATIONS_MAX = 10_000
/** `copy` can double a document with every operation; together they may not add more than this. */
const COPIED_BYTES_MAX = 3 * 1024 * 1024
/** An item that comes or goes moves all behind it; so many moves take some 10 ms. */
const MOVED_ITEMS_MAX = 50_000_000

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
  const work: Work = { owned: new WeakSet(), copiedBytes: 0, movedItems: 0 }
  return operations.map(readOperation).reduce((state, operation) => applyOperation(state, operation, work), document)
}

/** What one patch has made and used up so far. */
interface Work {
  /** Objects and lists that this patch made, so that only it knows them. */
  readonly owned: WeakSet<Container>
  copiedBytes: number
  movedItems: number
}

function applyOperation(document: unknown, operation: JsonPatchOperation, work: Work): unknown {
  const path = parsePointer(operation.path)
  switch (operation.op) {
    case 'add':
      return add(document, path, operation.value, work)
    case 'remove':
      return remove(document, path, work)
    case 'replace':
      return edit(document, path, {
        work,
        change: (parent, key) => set(parent, existing(parent, key), operation.value),
        whole: operation.value,
      })
    case 'test':
      return test(document, path, operation.value)
    case 'move':
      return move(document, parsePointer(operation.from), path, work)
    case 'copy':
      return add(document, path, copied(read(document, parsePointer(operation.from)), work), work)
    default:
      return assertNever(operation)
  }
}

function test(document: unknown, path: Pointer, value: unknown): unknown {
  if (isSameJson(read(document, path), value)) return document
  throw new PatchError('NotApplicable', `testing value ${format(path)} failed`)
}

function move(document: unknown, from: Pointer, to: Pointer, work: Work): unknown {
  const isInside = to.length > from.length && from.every((key, at) => key === to[at])
  if (isInside) throw new PatchError('NotApplicable', `cannot move ${format(from)} into itself, to ${format(to)}`)
  const value = read(document, from)
  return from.length === 0 ? value : add(remove(document, from, work), to, value, work)
}

/** A value of its own: both places may be changed by later operations. */
function copied(value: unknown, work: Work): unknown {
  const json = JSON.stringify(value)
  work.copiedBytes += json.length
  if (work.copiedBytes <= COPIED_BYTES_MAX) return JSON.parse(json)
  throw new PatchError('TooLarge', `the copy operations of the JSON patch add more than ${COPIED_BYTES_MAX} bytes`)
}

function add(document: unknown, path: Pointer, value: unknown, work: Work): unknown {
  return edit(document, path, { work, change: (parent, key) => insert(parent, key, value, work), whole: value })
}

function remove(document: unknown, path: Pointer, work: Work): unknown {
  if (path.length === 0) throw new PatchError('NotApplicable', 'cannot remove the whole document')
  return edit(document, path, {
    work,
    change: (parent, key) => drop(parent, existing(parent, key), work),
    whole: undefined,
  })
}

type Container = readonly unknown[] | Readonly<Record<string, unknown>>
type OwnContainer = unknown[] | Record<string, unknown>

interface Edit {
  readonly work: Work
  readonly change: (parent: OwnContainer, key: string) => void
  /** The document, where the path is empty. */
  readonly whole: unknown
}

/** Applies `change` to the container that holds the path's last key. */
function edit(document: unknown, path: Pointer, { work, change, whole }: Edit): unknown {
  const last = path.at(-1)
  if (last === undefined) return whole
  const root = own(asContainer(document, path), work)
  let at = root
  for (const key of path.slice(0, -1)) {
    const inner = own(asContainer(entry(at, existing(at, key)), path), work)
    set(at, key, inner)
    at = inner
  }
  change(at, last)
  return root
}

/** The container itself where this patch made it, else a copy. */
function own(container: Container, { owned }: Work): OwnContainer {
  if (owned.has(container)) return container as OwnContainer
  const copy = isJsonArray(container) ? [...container] : { ...container }
  owned.add(copy)
  return copy
}

function insert(parent: OwnContainer, key: string, value: unknown, work: Work): void {
  if (!Array.isArray(parent)) return set(parent, key, value)
  const at = key === '-' ? parent.length : arrayIndex(key)
  if (at > parent.length) throw missing(key)
  chargeMoves(parent.length - at, work)
  parent.splice(at, 0, value)
}

function set(parent: OwnContainer, key: string, value: unknown): void {
  if (Array.isArray(parent)) parent[Number(key)] = value
  // An assignment to `__proto__` would not make a field.
  else Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true })
}

function drop(parent: OwnContainer, key: string, work: Work): void {
  if (!Array.isArray(parent)) {
    delete parent[key]
    return
  }
  chargeMoves(parent.length - Number(key), work)
  parent.splice(Number(key), 1)
}

function chargeMoves(items: number, work: Work): void {
  work.movedItems += items
  if (work.movedItems <= MOVED_ITEMS_MAX) return
  throw new PatchError('TooLarge', `the operations of the JSON patch move more than ${MOVED_ITEMS_MAX} items of lists`)
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
