/** A real API server on a free port and a throw-away data directory, for tests that need no more of Sluice than that. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApiServer } from '../../src/api-server/server.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { seededRandom } from '../../src/base/random.ts'
import { dialects, kinds } from '../../src/dialects/all.ts'

export interface TestApi {
  /** Holds `.sluice/kubeconfig`, where commands that run here find it. */
  readonly directory: string
  readonly kubeconfig: string
  readonly port: number
  stop(): Promise<void>
}

export async function startTestApi(): Promise<TestApi> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-api-'))
  const server = await startApiServer({
    dataDir: join(directory, '.sluice'),
    address: '127.0.0.1',
    port: 0,
    kinds,
    namespaces: dialects.flatMap((dialect) => dialect.namespaces),
    serviceNetwork: '127.200.128.0/17',
    version: { kubernetes: 'v1.33.0', product: '1.2.3' },
    clock: systemClock,
    random: seededRandom(1),
    log: silentLog,
  })
  const kubeconfig = join(directory, '.sluice/kubeconfig')
  writeFileSync(kubeconfig, server.kubeconfig())
  return {
    directory,
    kubeconfig,
    port: server.port,
    stop: async () => {
      await server.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
