/** Guards against our own bugs. What a user or the outside world can cause is never asserted. */

export class BugError extends Error {
  override readonly name = 'BugError'
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new BugError(message)
}

/** Closes a switch over a union: the compiler proves that it cannot be reached. */
export function assertNever(value: never, what = 'variant'): never {
  throw new BugError(`Unexpected ${what}: ${JSON.stringify(value)}`)
}

/** The value, where its absence would be our bug. */
export function defined<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new BugError(`Missing ${what}`)
  return value
}
