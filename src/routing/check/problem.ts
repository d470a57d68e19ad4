/** What makes a snapshot one that cannot be served. */
import type { Diagnostic } from '../../base/diagnostic.ts'

export type Problem = Omit<Diagnostic, 'severity'>

export function when(condition: boolean, problem: Problem): Problem[] {
  return condition ? [problem] : []
}
