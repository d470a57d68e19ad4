/**
 * A real API server with the workload controllers and the release controller; the test plays the proxies: it
 * acknowledges every VirtualService at once, and says what the workloads answered. Time runs fifty times as fast.
 */
import { isAbort } from '../../src/base/errors.ts'
import { glooShift } from '../../src/dialects/gloo/shift.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { Clock } from '../../src/base/clock.ts'
import { runController, watchKeys } from '../../src/controllers/controller.ts'
import { runReleaseController } from '../../src/controllers/release.ts'
import { deployments } from '../../src/kinds/deployment.ts'
import type { Deployment } from '../../src/kinds/deployment.ts'
import { upstreams } from '../../src/dialects/gloo/kinds/upstream.ts'
import { virtualServices } from '../../src/dialects/gloo/kinds/virtual-service.ts'
import type { Route, VirtualService } from '../../src/dialects/gloo/kinds/virtual-service.ts'
import { releases } from '../../src/kinds/release.ts'
import type { Release } from '../../src/kinds/release.ts'
import { services } from '../../src/kinds/service.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { objectKey } from '../../src/kube/object.ts'
import type { ObjectKey } from '../../src/kube/object.ts'
import type { MetricsSource } from '../../src/release/model.ts'
import { startWorkloadLab } from './workload-lab.ts'
import type { WorkloadLab } from './workload-lab.ts'

const SPEED = 50

export const ROUTE = objectKey('gloo-system', 'echo')
export const RELEASE = objectKey('echo', 'echo-v3')
export const STABLE = objectKey('echo', 'echo-v2')
export const CANARY = objectKey('echo', 'echo-v3')

/** Steps that wait for a person. */
export const GATED = [
  { name: 'ten-percent', weight: 10, gates: [{ approval: {} }] },
  { name: 'half', weight: 50, gates: [{ approval: {} }] },
]
/** A step that the proxies' counts decide. */
export const JUDGED = [
  { name: 'ten-percent', weight: 10, gates: [{ metrics: { minRequests: 50, successRate: { min: 99 } } }] },
]

export interface ReleaseLab extends WorkloadLab {
  /** What the canary answers, per second since the step is live. */
  answers: { requestsPerSecond: number; failureRate: number }
  /** False: the proxies acknowledge nothing. */
  acknowledges: boolean
  /** What every container said last. */
  logs: readonly string[]
  /** Starts a release controller with a client; resolves once it has stopped. */
  startController(client: KubeClient, signal: AbortSignal): Promise<void>
  untilRelease(holds: (release: Release) => boolean): Promise<Release>
  route(): Promise<VirtualService>
}

/** Namespace, Service, Upstream, VirtualService and echo-v2 are there and ready. */
export async function startReleaseLab(): Promise<ReleaseLab> {
  const workloads = await startWorkloadLab()
  const { client, informers } = workloads
  const clock = fastClock()
  const stop = new AbortController()

  const metrics: MetricsSource = (_, fromMs, toMs) => {
    const requests = Math.floor(((toMs - fromMs) / 1_000) * lab.answers.requestsPerSecond)
    const failures = Math.floor(requests * lab.answers.failureRate)
    return { requests, failures, latency: { boundsMs: [10], counts: [requests, 0] } }
  }

  async function acknowledge(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const object = informers.of(virtualServices).get(key)
    const generation = object?.metadata.generation ?? 0
    if (object === undefined || !lab.acknowledges || object.status?.observedGeneration === generation) return
    const condition = {
      type: 'Programmed',
      status: 'True',
      reason: 'Programmed',
      message: 'The proxy serves it',
      lastTransitionTime: new Date().toISOString(),
      observedGeneration: generation,
    } as const
    const status = { state: 1, observedGeneration: generation, conditions: [condition] }
    await client.update(virtualServices, { ...object, status }, { subresource: 'status', signal })
  }

  const lab: ReleaseLab = {
    ...workloads,
    answers: { requestsPerSecond: 100, failureRate: 0 },
    acknowledges: true,
    logs: [],
    async startController(controllerClient, signal) {
      await runReleaseController({
        shifts: [glooShift],
        client: controllerClient,
        informers,
        clock,
        random: systemRandom,
        log: silentLog,
        signal,
        metrics,
        podLogs: ({ pod, container }) => Promise.resolve(lab.logs.map((line) => `${pod} ${container}: ${line}`)),
      })
    },
    async untilRelease(holds) {
      const last = await workloads.until(releases, RELEASE, (found) => found !== undefined && holds(found))
      if (last === undefined) throw new Error('The release is gone')
      return last
    },
    route: () => client.get(virtualServices, ROUTE),
    async close() {
      stop.abort()
      await dataPlane
      await workloads.close()
    },
  }
  const dataPlane = runController({
    name: 'data-plane',
    reconcile: acknowledge,
    sources: [watchKeys(informers.of(virtualServices))],
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    signal: stop.signal,
  }).catch((error: unknown) => {
    if (!isAbort(error, stop.signal)) throw error
  })
  await furnish(lab)
  return lab
}

async function furnish(lab: ReleaseLab): Promise<void> {
  const { client } = lab
  await lab.createNamespace('echo')
  await client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'echo', namespace: 'echo' },
    spec: { selector: { app: 'echo' }, ports: [{ port: 80, targetPort: 8080 }] },
  })
  await client.create(upstreams, {
    apiVersion: 'gloo.solo.io/v1',
    kind: 'Upstream',
    metadata: { name: 'echo', namespace: 'gloo-system' },
    spec: {
      kube: {
        serviceName: 'echo',
        serviceNamespace: 'echo',
        servicePort: 8080,
        selector: { app: 'echo' },
        subsetSpec: { selectors: [{ keys: ['version'] }] },
      },
    },
  })
  await client.create(virtualServices, {
    apiVersion: 'gateway.solo.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'echo', namespace: 'gloo-system' },
    spec: { virtualHost: { domains: ['*'], routes: [routeTo('v2')] } },
  })
  await client.create(deployments, deployment('v2'))
  await lab.until(deployments, STABLE, (object) => object?.status?.readyReplicas === 1)
}

export function routeTo(version: string): Route {
  return {
    matchers: [{ prefix: '/' }],
    routeAction: {
      single: { upstream: { name: 'echo', namespace: 'gloo-system' }, subset: { values: { version } } },
    },
  }
}

export function deployment(version: string, replicas = 1): Deployment {
  const labels = { app: 'echo', version }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `echo-${version}`, namespace: 'echo' },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'echo', image: 'hashicorp/http-echo', ports: [{ containerPort: 8080 }] }] },
      },
    },
  }
}

export function release(steps: Release['spec']['steps'], spec: Partial<Release['spec']> = {}): Release {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Release',
    metadata: { name: 'echo-v3', namespace: 'echo' },
    spec: {
      targets: [
        {
          name: 'echo',
          stable: { kind: 'Deployment', name: 'echo-v2' },
          canary: { kind: 'Deployment', name: 'echo-v3' },
          routes: [
            { apiVersion: 'gateway.solo.io/v1', kind: 'VirtualService', namespace: 'gloo-system', name: 'echo' },
          ],
        },
      ],
      steps,
      ...spec,
    },
  }
}

/** A second of the release's time passes in 20 ms. */
function fastClock(): Clock {
  const startMs = systemClock.now()
  return {
    now: () => startMs + Math.round((systemClock.now() - startMs) * SPEED),
    after: (delayMs, callback) => systemClock.after(delayMs / SPEED, callback),
  }
}
