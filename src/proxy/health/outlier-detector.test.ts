import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { OutlierDetection } from '../../routing/cluster-model.ts'
import { OutlierDetector } from './outlier-detector.ts'
import type { OutlierHost } from './outlier-detector.ts'

const SETTINGS: OutlierDetection = {
  consecutive5xx: 3,
  consecutiveGatewayErrors: 0,
  intervalMs: 1_000,
  baseEjectionMs: 5_000,
  maxEjectionMs: 12_000,
  ejectedShareMax: 1,
}

function detectorOf(count: number, change: Partial<OutlierDetection> = {}): [OutlierDetector, OutlierHost[]] {
  const detector = new OutlierDetector({ ...SETTINGS, ...change })
  const hosts = Array.from({ length: count }, (_, index) => detector.use(`host-${index}`))
  detector.settle()
  return [detector, hosts]
}

function fail(host: OutlierHost | undefined, times: number, nowMs = 0, status = 500): void {
  for (let count = 0; count < times; count++) host?.onStatus(status, nowMs)
}

/** How long the host is out, looking once per interval. */
function endOf(detector: OutlierDetector, host: OutlierHost | undefined, fromMs: number): number {
  for (let nowMs = fromMs; ; nowMs += SETTINGS.intervalMs) {
    detector.sweep(nowMs)
    if (host?.isEjected !== true) return nowMs
  }
}

describe('outlier detection', () => {
  test('so many failures in a row eject an endpoint; an answer in between begins again', () => {
    const [, [host]] = detectorOf(2)
    fail(host, 2)
    host?.onStatus(200, 0)
    fail(host, 2)
    assert.equal(host?.isEjected, false)
    fail(host, 1)
    assert.equal(host?.isEjected, true)
  })

  test('gateway errors are 502 to 504 and requests without an answer', () => {
    const [, hosts] = detectorOf(4, { consecutive5xx: 0, consecutiveGatewayErrors: 2 })
    fail(hosts[0], 2, 0, 500)
    fail(hosts[1], 2, 0, 503)
    hosts[2]?.onFailure(0)
    hosts[2]?.onFailure(0)
    assert.deepEqual(
      hosts.map(({ isEjected }) => isEjected),
      [false, true, true, false],
    )
  })

  test('each ejection lasts longer, up to the longest, and good times shorten the next', () => {
    const [detector, [host]] = detectorOf(2)
    let nowMs = 0
    const durations = [1, 2, 3, 4].map(() => {
      fail(host, 3, nowMs)
      const end = endOf(detector, host, nowMs)
      const duration = end - nowMs
      nowMs = end
      return duration
    })
    assert.deepEqual(durations, [5_000, 10_000, 12_000, 12_000])
    for (let interval = 0; interval < 10; interval++) detector.sweep((nowMs += SETTINGS.intervalMs))
    fail(host, 3, nowMs)
    assert.equal(endOf(detector, host, nowMs) - nowMs, 5_000)
  })

  test('what is known of an address goes on while it is used, and is forgotten with it', () => {
    const [detector, [host]] = detectorOf(3)
    fail(host, 3)
    assert.equal(detector.use('host-0'), host)
    detector.use('host-1')
    detector.settle()
    assert.deepEqual(detector.ejected, ['host-0'])
    detector.use('host-1')
    detector.settle()
    assert.deepEqual(detector.ejected, [])
    assert.equal(detector.use('host-0').isEjected, false)
  })

  test('never more than the share are out, one may always be where there are several, and never all', () => {
    const step = fc.record({
      host: fc.nat(9),
      kind: fc.constantFrom('fail', 'ok', 'none', 'time'),
      byMs: fc.integer({ min: 0, max: 9_000 }),
    })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.array(step, { maxLength: 200 }),
        (count, ejectedShareMax, steps) => {
          const [detector, hosts] = detectorOf(count, { ejectedShareMax, consecutiveGatewayErrors: 2 })
          const allowed = Math.min(count - 1, Math.max(1, Math.floor(count * ejectedShareMax)))
          let nowMs = 0
          for (const { host, kind, byMs } of steps) {
            const chosen = hosts[host % count]
            if (kind === 'time') detector.sweep((nowMs += byMs))
            else if (kind === 'none') chosen?.onFailure(nowMs)
            else chosen?.onStatus(kind === 'ok' ? 200 : 503, nowMs)
            assert.ok(detector.ejected.length <= allowed)
          }
          // Everybody comes back in the end.
          for (let interval = 0; interval < 20; interval++) detector.sweep((nowMs += SETTINGS.intervalMs))
          assert.deepEqual(detector.ejected, [])
        },
      ),
      { numRuns: 300, seed: 1 },
    )
  })
})
