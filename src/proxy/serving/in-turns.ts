/** Long work beside requests: a little of it in each turn of the event loop. */
import type { Steps } from '../../base/steps.ts'

/** How long requests wait for it at most, but for a single step. */
const TURN_MS = 5

export async function inTurns<Result>(steps: Steps<Result>, monotonicMs: () => number): Promise<Result> {
  for (;;) {
    const untilMs = monotonicMs() + TURN_MS
    do {
      const step = steps.next()
      if (step.done === true) return step.value
    } while (monotonicMs() < untilMs)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}
