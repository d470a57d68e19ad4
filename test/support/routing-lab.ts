/** The routing controller of some languages over a real API server, and a data plane that does as it is told. */
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import { WatchedValue, untilWatched } from '../../src/base/watched.ts'
import { runRoutingController } from '../../src/controllers/routing.ts'
import type { RoutingDialect } from '../../src/dialects/routing-dialect.ts'
import { kubernetesKinds } from '../../src/kinds/registry.ts'
import { createInformers } from '../../src/kube/informers.ts'
import type { DataPlane, DataPlaneState } from '../../src/routing/data-plane.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import { startApiLab } from './api-lab.ts'
import type { ApiLab } from './api-lab.ts'

export class ToldDataPlane implements DataPlane {
  readonly state = new WatchedValue<DataPlaneState>({ expected: 1, proxies: [] })
  readonly #published = new WatchedValue<RoutingSnapshot | undefined>(undefined)

  publish(snapshot: RoutingSnapshot): void {
    this.#published.set(snapshot)
  }

  async untilPublished(holds: (snapshot: RoutingSnapshot) => boolean): Promise<void> {
    await untilWatched(this.#published, (snapshot) => snapshot !== undefined && holds(snapshot))
  }

  /** By its one proxy. */
  acknowledge(): void {
    const acknowledged = this.#published.value?.generation ?? null
    const proxy = { id: 'proxy-0', connected: true, listeners: [], draining: [], acknowledged }
    this.state.set({ expected: 1, proxies: [proxy] })
  }
}

export async function startRoutingWith(
  t: TestContext,
  dialects: readonly RoutingDialect[],
): Promise<{ readonly lab: ApiLab; readonly dataPlane: ToldDataPlane }> {
  const lab = await startApiLab({
    kinds: [...kubernetesKinds, ...dialects.flatMap(({ kinds }) => kinds)],
    namespaces: dialects.flatMap(({ namespaces }) => namespaces),
  })
  const abort = new AbortController()
  const base = { clock: systemClock, random: systemRandom, log: silentLog, signal: abort.signal }
  const informers = createInformers(lab.client, base)
  const dataPlane = new ToldDataPlane()
  const gateway = { address: '127.0.0.1', port: 0 }
  const ended = runRoutingController({ ...base, dialects, client: lab.client, informers, dataPlane, gateway })
  t.after(async () => {
    abort.abort()
    await Promise.all([ended, informers.closed()])
    await lab.close()
  })
  return { lab, dataPlane }
}
