import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Release } from '../../kinds/release.ts'
import { objectKey } from '../../kube/object.ts'
import type { World } from '../../release/model.ts'
import { release as releaseOf } from '../../../test/support/release-lab.ts'
import { toPlan } from './plan.ts'
import { TrafficObserver } from './traffic.ts'

const KEY = objectKey('echo', 'echo-v3')
const RELEASE: Release = releaseOf([{ name: 'ten', weight: 10 }])

interface Case {
  readonly weight: number
  readonly stableReady?: number
  readonly canaryRequests: number
  readonly stableRequests: number
}

function worldOf({ weight, stableReady = 1 }: Case): World {
  const workload = (ready: number) => ({ kind: 'present', uid: 'u', revision: 'r', replicas: 1, ready }) as const
  const route = { kind: 'present', isClaimed: true, form: null, shareMin: weight, shareMax: weight } as const
  return {
    targets: [{ stable: workload(stableReady), canary: workload(1), routes: [{ ...route, isProgrammed: true }] }],
    metrics: [],
    requests: {},
    isDeleting: false,
    hasFinalizer: true,
    watchedSinceMs: 0,
  }
}

/** What is observed half a minute after the routes said so. */
function observe(one: Case): ReturnType<TrafficObserver['observe']> {
  const observer = new TrafficObserver()
  const scene = {
    release: RELEASE,
    plan: toPlan(RELEASE),
    world: worldOf(one),
    metrics: ({ name }: { readonly name: string }) => ({
      requests: name === 'echo-v3' ? one.canaryRequests : one.stableRequests,
      failures: 0,
      latency: { boundsMs: [], counts: [] },
    }),
  }
  observer.observe(KEY, { ...scene, nowMs: 0 })
  return observer.observe(KEY, { ...scene, nowMs: 30_000 })
}

test('requests that follow the split to within what is exact need no word', () => {
  assert.deepEqual(observe({ weight: 10, canaryRequests: 103, stableRequests: 897 }), {})
})

test('a stable side without pods is named, and who answered instead', () => {
  const { observed, reason = '' } = observe({ weight: 0, stableReady: 0, canaryRequests: 5, stableRequests: 0 })
  assert.deepEqual(observed, { stableWeight: 0, canaryWeight: 100 })
  assert.match(reason, /^Deployment echo\/echo-v2 has no ready endpoint: its requests go on to other pods/)
})

test('a share that is exceeded by more than the split allows is told', () => {
  const { observed, reason = '' } = observe({ weight: 10, canaryRequests: 300, stableRequests: 700 })
  assert.deepEqual(observed, { stableWeight: 70, canaryWeight: 30 })
  assert.match(reason, /^more requests than its share reached Deployment echo\/echo-v3: other routes/)
})
