/** Work that can be interrupted: whoever runs it may do something else between two steps. */
export type Steps<Result> = Generator<undefined, Result, undefined>

/** All steps at once. */
export function finish<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
