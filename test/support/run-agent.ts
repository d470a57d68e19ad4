/** A node agent as a process of its own, so that a test can kill it: `node run-agent.ts <JSON>`; prints `ready`. */
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import { createHttpClient } from '../../src/kube/http-client.ts'
import { createInformers } from '../../src/kube/informers.ts'
import { startAgent } from './node-agent-lab.ts'

interface Settings {
  readonly connection: { readonly server: string; readonly ca: string; readonly token: string }
  readonly dataDir: string
  readonly claimsDir: string
}

const { connection, dataDir, claimsDir } = JSON.parse(process.argv[2] ?? '{}') as Settings
const { signal } = new AbortController()
const client = createHttpClient(connection)
const informers = createInformers(client, { clock: systemClock, random: systemRandom, log: silentLog, signal })
await startAgent({ client, informers, dataDir, claimsDir })
process.stdout.write('ready\n')
