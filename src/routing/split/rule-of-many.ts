/**
 * Tijdeman's rule for many destinations: the same picks as `rule-of-few.ts`, in a time that hardly grows with their number. Those
 * that are due stand in a heap by their deadline, the others in one by the pick from which on they are due.
 *
 * What must stay true: every number stays a safe integer. Leads are below 2·W, and after W picks, when all are 0 again, the count
 * begins anew, so deadlines stay below 2·(2N−2)·W.
 */
import { Heap } from './heap.ts'
import type { Rule } from './rule.ts'

interface Destination {
  readonly index: number
  readonly weight: number
  /** The pick from which on it is due. */
  dueAt: number
  /** k·w − count·W before that pick. */
  lead: number
  /** ((2N−3)·W − (2N−2)·lead) / w at pick 0, as a whole part and what is left of w. */
  whole: number
  rest: number
}

export function ruleOfMany(weights: readonly number[]): Rule {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const scale = 2 * weights.length - 2
  const dueLead = Math.ceil(sum / scale)
  const waiting = new Heap<Destination>((a, b) => a.dueAt < b.dueAt)
  const due = new Heap<Destination>(isSooner)
  let pick = 0

  const wait = (destination: Destination, now: number, lead: number): void => {
    const { weight } = destination
    const steps = Math.max(1, Math.ceil((dueLead - lead) / weight))
    destination.dueAt = now + steps
    destination.lead = lead + steps * weight
    const slack = (scale - 1) * sum - scale * destination.lead
    destination.rest = ((slack % weight) + weight) % weight
    destination.whole = (slack - destination.rest) / weight + scale * destination.dueAt
    waiting.push(destination)
  }

  for (const [index, weight] of weights.entries()) {
    wait({ index, weight, dueAt: 0, lead: 0, whole: 0, rest: 0 }, 0, 0)
  }
  return {
    period: sum,
    pick(): number {
      pick++
      for (let next = waiting.first; next !== undefined && next.dueAt <= pick; next = waiting.first) {
        waiting.take()
        due.push(next)
      }
      const picked = due.take()
      if (picked === undefined) return 0
      const lead = picked.lead + (pick - picked.dueAt) * picked.weight - sum
      if (pick < sum) {
        wait(picked, pick, lead)
        return picked.index
      }
      pick = 0
      for (const other of waiting.takeAll()) wait(other, 0, 0)
      wait(picked, 0, 0)
      return picked.index
    },
  }
}

/** The deadline, then the order of the destinations. */
function isSooner(a: Destination, b: Destination): boolean {
  if (a.whole !== b.whole) return a.whole < b.whole
  const left = a.rest * b.weight
  const right = b.rest * a.weight
  return left === right ? a.index < b.index : left < right
}
