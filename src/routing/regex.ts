/** Regular expressions of routes: RE2 semantics, always against the whole string. Linear time, so safe on requests. */
import { RE2JS } from 're2js'

import { messageOf } from '../base/errors.ts'

export type WholeMatcher = (value: string) => boolean

/** Throws when the pattern is not RE2; ask `regexProblem` first where a user wrote it. */
export function compileRegex(pattern: string, caseSensitive = true): WholeMatcher {
  const compiled = RE2JS.compile(pattern, caseSensitive ? 0 : RE2JS.CASE_INSENSITIVE)
  return (value) => compiled.matches(value)
}

/** Why the pattern cannot be used, in RE2's words; undefined: it can. */
export function regexProblem(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
