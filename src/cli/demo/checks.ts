/** The demo's assertions. Pure: numbers in, sentences out. */
import { countText } from '../live/count-text.ts'
import type { Check } from './view.ts'

/** Requests per version. */
export type Counts = Readonly<Record<string, number>>

/** Requests at the edges of an observed window may have followed the routes before or after it. */
const EDGE_REQUESTS = 3
const EDGE_SHARE = 0.02

/** Of a counted batch of requests, exactly these many met each version. */
export function exactly(seen: Counts, wanted: Counts): Check {
  const names = [...new Set([...Object.keys(seen), ...Object.keys(wanted)])].toSorted()
  const holds = names.every((name) => (seen[name] ?? 0) === (wanted[name] ?? 0))
  const total = Object.values(seen).reduce((before, count) => before + count, 0)
  const text = `of ${total} requests ${countsText(seen)}`
  return { holds, text: holds ? text : `${text}; expected ${countsText(wanted)}` }
}

/** Of a window of live traffic the version got its share, up to the requests at the window's edges. */
export function nearShare(seen: Counts, version: string, percent: number): Check {
  const total = Object.values(seen).reduce((before, count) => before + count, 0)
  const share = seen[version] ?? 0
  const expected = (total * percent) / 100
  const holds = Math.abs(share - expected) <= Math.max(EDGE_REQUESTS, total * EDGE_SHARE)
  const text = `${version} got ${share} of ${total} requests at ${percent} %`
  return { holds, text: holds ? text : `${text}; expected about ${Math.round(expected)}` }
}

export function noFailures(requests: number, failures: number, examples: readonly string[]): Check {
  if (failures === 0) return { holds: true, text: `no request failed, of ${countText(requests)}` }
  return {
    holds: false,
    text: `${countText(failures)} of ${countText(requests)} requests failed: ${examples.join('; ')}`,
  }
}

/** Whatever failed was answered by the version that is known to be bad. */
export function failuresOnlyFrom(version: string, failuresByVersion: Counts): Check {
  const others = Object.entries(failuresByVersion).filter(([name, count]) => name !== version && count > 0)
  if (others.length === 0) return { holds: true, text: `only requests that met ${version} failed` }
  return {
    holds: false,
    text: `requests failed that did not meet ${version}: ${countsText(Object.fromEntries(others))}`,
  }
}

export function added(a: Counts, b: Counts): Counts {
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return Object.fromEntries([...names].map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]))
}

function countsText(counts: Counts): string {
  const parts = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${count} ${name === '' ? 'nobody' : name}`)
  return parts.length === 0 ? 'none' : parts.join(', ')
}

export function allHold(checks: readonly Check[]): boolean {
  return checks.every(({ holds }) => holds)
}
