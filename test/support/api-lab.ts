/** A real API server on a throw-away data directory, for tests of what runs against it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApiServer } from '../../src/api-server/server.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import { createHttpClient } from '../../src/kube/http-client.ts'
import type { HttpClient } from '../../src/kube/http-client.ts'
import { createInformers } from '../../src/kube/informers.ts'
import type { Informers } from '../../src/kube/informers.ts'
import { keyOf } from '../../src/kube/object.ts'
import type { KubeObject, ObjectKey, ResourceType } from '../../src/kube/object.ts'
import { dialects, kinds } from '../../src/dialects/all.ts'
import type { Kind } from '../../src/kinds/kind.ts'

export interface ApiLab {
  readonly client: HttpClient
  readonly informers: Informers
  /** What another process needs to reach the API: `createHttpClient`'s options. */
  readonly connection: { readonly server: string; readonly ca: string; readonly token: string }
  readonly directory: string
  /** Resolves once `holds` is true of the object; `undefined`: it does not exist. */
  until<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    holds: (object: T | undefined) => boolean,
  ): Promise<T | undefined>
  close(): Promise<void>
}

const GIVE_UP_AFTER_MS = 20_000

export interface ApiLabOptions {
  /** All that is served otherwise. */
  readonly kinds?: readonly Kind[]
  readonly namespaces?: readonly string[]
}

export async function startApiLab(options: ApiLabOptions = {}): Promise<ApiLab> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-lab-'))
  const stop = new AbortController()
  const base = { clock: systemClock, random: systemRandom, log: silentLog, signal: stop.signal }
  const api = await startApiServer({
    ...base,
    dataDir: join(directory, 'api'),
    address: '127.0.0.1',
    port: 0,
    kinds: options.kinds ?? kinds,
    namespaces: options.namespaces ?? dialects.flatMap((dialect) => dialect.namespaces),
    serviceNetwork: '127.255.128.0/17',
    version: { kubernetes: '1.33.0', product: 'test' },
  })
  const connection = { server: api.url, ca: api.ca, token: api.adminToken }
  const client = createHttpClient(connection)
  const informers = createInformers(client, base)
  return {
    client,
    informers,
    connection,
    directory,
    until: (type, key, holds) => untilHolds(informers, { type, key }, holds),
    async close() {
      stop.abort()
      client.close()
      await Promise.all([informers.closed(), api.closed])
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function untilHolds<T extends KubeObject>(
  informers: Informers,
  { type, key }: { readonly type: ResourceType<T>; readonly key: ObjectKey },
  holds: (object: T | undefined) => boolean,
): Promise<T | undefined> {
  const informer = informers.of(type)
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const object = informer.get(key)
      if (!holds(object)) return
      unsubscribe()
      clearTimeout(timer)
      resolve(object)
    }
    const timer = setTimeout(() => {
      unsubscribe()
      const last = JSON.stringify(informer.get(key), null, 1)
      reject(new Error(`${type.kind} ${key} did not come to the state waited for; it is ${last}`))
    }, GIVE_UP_AFTER_MS)
    const unsubscribe = informer.onChange(({ old, new: now }) => {
      const object = now ?? old
      if (object !== undefined && keyOf(object) === key) look()
    })
    void informer.synced.then(look, reject)
  })
}
