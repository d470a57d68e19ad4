/** What a parsed template finds in an object. A key that is not there finds nothing; a wrong index is an error. */
import { assertNever } from '../../../base/assert.ts'
import { passes } from './compare.ts'
import { JsonPathError } from './error.ts'
import { goType } from './go-text.ts'
import type { Filter, Node, Part, Path, Slice } from './parse.ts'

type Values = readonly unknown[]

/** The values of each part in turn; those of a range once for each of its items. */
export function findResults(parts: readonly Part[], object: unknown): readonly Values[] {
  const { steps, rest } = stepsOf(parts)
  if (rest.length > 0) throw new JsonPathError('not in range, nothing to end')
  return runSteps(steps, object)
}

type Step =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly path: Path }
  | { readonly kind: 'range'; readonly path: Path; readonly body: readonly Step[] }

/** The parts up to the `{end}` that is not one of theirs; a range that nothing ends goes on to the end. */
function stepsOf(parts: readonly Part[]): { readonly steps: readonly Step[]; readonly rest: readonly Part[] } {
  const steps: Step[] = []
  let rest = parts
  for (let [part] = rest; part !== undefined && !hasWord(part, 'end'); [part] = rest) {
    rest = rest.slice(1)
    if (part.kind === 'text') steps.push(part)
    else if (!hasWord(part, 'range')) steps.push({ kind: 'print', path: part.path })
    else {
      const inner = stepsOf(rest)
      steps.push({ kind: 'range', path: part.path, body: inner.steps })
      rest = inner.rest.slice(1)
    }
  }
  return { steps, rest }
}

function hasWord(part: Part, word: string): boolean {
  return part.kind === 'action' && part.path.some((node) => node.kind === 'word' && node.word === word)
}

function runSteps(steps: readonly Step[], object: unknown): readonly Values[] {
  return steps.flatMap((step): readonly Values[] => {
    const known = step
    switch (known.kind) {
      case 'text':
        return [[known.text]]
      case 'print':
        return [follow([object], known.path)]
      case 'range':
        return follow([object], known.path).flatMap((item) => runSteps(known.body, item))
      default:
        return assertNever(known)
    }
  })
}

function follow(values: Values, path: Path): Values {
  return path.reduce(visit, values)
}

function visit(values: Values, node: Node): Values {
  const known = node
  switch (known.kind) {
    case 'value':
      // A text stands for itself, also where nothing was found before it.
      return typeof known.value === 'string' ? [known.value] : values.map(() => known.value)
    case 'field':
      return values.flatMap((value) => fieldOf(value, known.name))
    case 'wildcard':
      return values.flatMap(childrenOf)
    case 'recursive':
      return values.flatMap(descendantsOf)
    case 'slice':
      return sliced(values, known.slice)
    case 'union':
      return known.paths.flatMap((path) => follow(values, path))
    case 'filter':
      return values.flatMap((value) => filtered(value, known.filter))
    case 'word':
      if (known.word === 'range') return values
      throw new JsonPathError(`unrecognized identifier ${known.word}`)
    default:
      return assertNever(known)
  }
}

function fieldOf(value: unknown, name: string): Values {
  return isRecord(value) && Object.hasOwn(value, name) ? [value[name]] : []
}

/** Of a map in the order of its keys, so that the same object prints the same. */
function childrenOf(value: unknown): Values {
  if (Array.isArray(value)) return value
  if (!isRecord(value)) return []
  return Object.keys(value)
    .toSorted()
    .map((key) => value[key])
}

/** The value and all below it, of those that have something below them; and texts, as in client-go. */
function descendantsOf(value: unknown): Values {
  if (typeof value === 'string') return value === '' ? [] : [value]
  const children = childrenOf(value)
  return children.length === 0 ? [] : [value, ...children.flatMap(descendantsOf)]
}

function sliced(values: Values, slice: Slice): Values {
  return values.flatMap((value) => {
    if (value === null || value === undefined) return []
    if (!Array.isArray(value)) throw new JsonPathError(`${goType(value)} is not array or slice`)
    return sliceItems(value, slice)
  })
}

function sliceItems(list: readonly unknown[], slice: Slice): Values {
  const { length } = list
  const start = slice.start === undefined ? 0 : slice.start < 0 ? slice.start + length : slice.start
  const end = endOf(slice, length)
  if (start === end) return []
  if (start < 0 || start >= length) throw outOfBounds(start, length)
  if (end < 0 || end > length) throw outOfBounds(end - 1, length)
  if (start > end) throw new JsonPathError(`starting index ${start} is greater than ending index ${end}`)
  const { step = 1 } = slice
  if (step <= 0) throw new JsonPathError('step must be > 0')
  return list.slice(start, end).filter((_, at) => at % step === 0)
}

function endOf({ end, isIndex }: Slice, length: number): number {
  if (end === undefined) return length
  return end < 0 || (end === 0 && isIndex) ? end + length : end
}

function outOfBounds(index: number, length: number): JsonPathError {
  return new JsonPathError(`array index out of bounds: index ${index}, length ${length}`)
}

function filtered(value: unknown, { left, comparison }: Filter): Values {
  if (!Array.isArray(value)) {
    throw new JsonPathError(`${goType(value)} is not array or slice and cannot be filtered`)
  }
  return value.filter((item) => {
    const found = follow([item], left)
    if (comparison === undefined) return found.length > 0
    const wanted = follow([item], comparison.right)
    if (found.length === 0 || wanted.length === 0) return false
    if (found.length > 1 || wanted.length > 1) throw new JsonPathError('can only compare one element at a time')
    return passes(found[0], comparison.operator, wanted[0])
  })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
