/** Which version of a group clients use when they are asked for none (apimachinery version.CompareKubeAwareVersionStrings). */

const STABLE = 3
const STAGES: Readonly<Record<string, number>> = { beta: 2, alpha: 1 }

/** Stable before beta before alpha, then the higher number first; names of another form last, by the alphabet. */
export function preferredFirst(a: string, b: string): number {
  const [left, right] = [ranks(a), ranks(b)]
  const at = left.findIndex((rank, index) => rank !== right[index])
  return at < 0 ? (a < b ? -1 : 1) : (right[at] ?? 0) - (left[at] ?? 0)
}

/** `v1beta2` as [stage of beta, 1, 2]. */
function ranks(version: string): readonly number[] {
  const parts = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version)
  if (parts === null) return [0, 0, 0]
  const [, major = '0', stage, minor = '0'] = parts
  return [stage === undefined ? STABLE : (STAGES[stage] ?? 0), Number(major), Number(minor)]
}
