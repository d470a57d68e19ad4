/** Tijdeman's rule, as `split.ts` has it: all destinations are looked at for each pick. */
import type { Rule } from './rule.ts'

/** All numbers stay below 2·(2N−2)·W, far inside the safe integers for weights up to a million. */
export function ruleOfFew(weights: readonly number[]): Rule {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const scale = 2 * weights.length - 2
  const leads = weights.map(() => 0)
  return {
    period: sum,
    pick(): number {
      let picked = -1
      let pickedSlack = 0
      let pickedWeight = 1
      for (const [index, weight] of weights.entries()) {
        const lead = (leads[index] ?? 0) + weight
        leads[index] = lead
        if (scale * lead < sum) continue
        const slack = (scale - 1) * sum - scale * lead
        if (picked !== -1 && !isSmallerFraction(slack, weight, pickedSlack, pickedWeight)) continue
        picked = index
        pickedSlack = slack
        pickedWeight = weight
      }
      leads[picked] = (leads[picked] ?? 0) - sum
      return picked
    },
  }
}

/** a/b < c/d for positive b and d, by whole part and then remainder: cross-multiplying could leave the safe integers. */
// oxlint-disable-next-line max-params -- two fractions are four numbers, and an object per comparison is too dear here
function isSmallerFraction(a: number, b: number, c: number, d: number): boolean {
  const leftRest = modulo(a, b)
  const rightRest = modulo(c, d)
  const left = (a - leftRest) / b
  const right = (c - rightRest) / d
  return left === right ? leftRest * d < rightRest * b : left < right
}

function modulo(value: number, by: number): number {
  const rest = value % by
  return rest < 0 ? rest + by : rest
}
