/** The judge of a metrics gate: counted requests against thresholds. Pure. */
import type { MetricsGate, WindowNumbers } from './model.ts'

export interface Verdict {
  readonly kind: 'pass' | 'fail' | 'not-enough'
  /** What was seen: `success rate 94.00 % (3 of 50 failed) is below 99 %`. */
  readonly message: string
  readonly seen: WindowNumbers
}

/**
 * Judges over the window, or over all that came since the step is live while the window alone has too few requests.
 * It fails before `minRequests` where the failures already seen would break the threshold even if every request that
 * is still missing succeeded.
 */
export function judge(gate: MetricsGate, window: WindowNumbers, sinceLive: WindowNumbers): Verdict {
  const seen = window.requests >= gate.minRequests ? window : sinceLive
  if (seen.requests < gate.minRequests) return judgeTooFew(gate, seen)
  const faults = [successFault(gate, seen), latencyFault(gate, seen)].filter((fault) => fault !== undefined)
  return faults.length > 0
    ? { kind: 'fail', message: faults.join('; '), seen }
    : { kind: 'pass', message: passed(gate, seen), seen }
}

function judgeTooFew(gate: MetricsGate, seen: WindowNumbers): Verdict {
  const { minRequests, successRateMin } = gate
  const isLost = successRateMin !== undefined && percentGood(seen.failures, minRequests) < successRateMin
  return isLost
    ? {
        kind: 'fail',
        message: `${seen.failures} of the first ${seen.requests} requests failed: a success rate of ${successRateMin} % over ${minRequests} requests is out of reach`,
        seen,
      }
    : {
        kind: 'not-enough',
        message: `${seen.requests} of at least ${minRequests} requests seen (${seen.failures} failed)`,
        seen,
      }
}

function successFault({ successRateMin }: MetricsGate, seen: WindowNumbers): string | undefined {
  if (successRateMin === undefined || percentGood(seen.failures, seen.requests) >= successRateMin) return undefined
  return `${successSentence(seen)} is below ${successRateMin} %`
}

function latencyFault({ latency }: MetricsGate, seen: WindowNumbers): string | undefined {
  if (latency === undefined) return undefined
  const ms = percentileMs(seen, latency.percentile)
  if (ms !== undefined && ms <= latency.maxMs) return undefined
  const what = ms === undefined ? 'beyond what is measured' : `${round(ms)} ms`
  return `latency p${latency.percentile} ${what} of ${seen.requests} requests is above ${latency.maxMs} ms`
}

function passed(gate: MetricsGate, seen: WindowNumbers): string {
  const latency = gate.latency === undefined ? undefined : percentileMs(seen, gate.latency.percentile)
  return latency === undefined || gate.latency === undefined
    ? successSentence(seen)
    : `${successSentence(seen)}, latency p${gate.latency.percentile} ${round(latency)} ms`
}

/** `success rate 99.50 % (1 of 200 failed)`; with `, 3 were tried again` where there were some. */
function successSentence({ failures, requests, retried = 0 }: WindowNumbers): string {
  const again = retried === 0 ? '' : `, ${retried} ${retried === 1 ? 'was' : 'were'} tried again`
  return `success rate ${percentGood(failures, requests).toFixed(2)} % (${failures} of ${requests} failed${again})`
}

function percentGood(failures: number, requests: number): number {
  return requests === 0 ? 100 : ((requests - failures) * 100) / requests
}

/**
 * The latency that `percentile` percent of the requests do not exceed, interpolated inside its bucket as Prometheus'
 * histogram_quantile does. Undefined: no requests, or it lies beyond the last bound.
 */
export function percentileMs({ latency }: WindowNumbers, percentile: number): number | undefined {
  const { boundsMs, counts } = latency
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  const rank = (percentile / 100) * total
  let below = 0
  for (const [index, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const upper = boundsMs[index]
      if (upper === undefined) return undefined
      const lower = boundsMs[index - 1] ?? 0
      return lower + (upper - lower) * Math.max(0, (rank - below) / count)
    }
    below += count
  }
  return undefined
}

/** Percent of requests without a failure; undefined without requests. */
export function successRate({ requests, failures }: WindowNumbers): number | undefined {
  return requests === 0 ? undefined : Math.round(percentGood(failures, requests) * 100) / 100
}

function round(ms: number): number {
  return ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)
}
