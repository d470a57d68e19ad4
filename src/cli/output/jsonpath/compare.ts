/** Comparisons in filters: numbers with numbers, texts with texts, booleans for equality. */
import { JsonPathError } from './error.ts'

export function passes(left: unknown, operator: string, right: unknown): boolean {
  switch (operator) {
    case '==':
      return isEqual(left, right)
    case '!=':
      return !isEqual(left, right)
    case '<':
      return isLess(left, right)
    case '>=':
      return !isLess(left, right)
    case '<=':
      return isLess(left, right) || isEqual(left, right)
    case '>':
      return !isLess(left, right) && !isEqual(left, right)
    default:
      throw new JsonPathError(`unrecognized filter operator ${operator}`)
  }
}

function isEqual(left: unknown, right: unknown): boolean {
  checkComparable(left, right)
  return left === right
}

function isLess(left: unknown, right: unknown): boolean {
  checkComparable(left, right)
  if (typeof left === 'number' && typeof right === 'number') return left < right
  if (typeof left === 'string' && typeof right === 'string') return left < right
  throw new JsonPathError('invalid type for comparison')
}

function checkComparable(left: unknown, right: unknown): void {
  if (typeof left === 'object' || typeof right === 'object') throw new JsonPathError('invalid type for comparison')
  if (typeof left !== typeof right) throw new JsonPathError('incompatible types for comparison')
}
