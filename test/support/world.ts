/** Waiting for a state of the world, as the API shows it: by watching, never by sleeping. */
import { createHttpClient } from '../../src/kube/http-client.ts'
import type { HttpClient } from '../../src/kube/http-client.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { loadKubeconfig } from '../../src/kube/kubeconfig.ts'
import { isReason } from '../../src/kube/api-error.ts'
import { splitKey } from '../../src/kube/object.ts'
import type { Condition, KubeObject, ObjectKey, ResourceType } from '../../src/kube/object.ts'
import type { RunningSluice } from './sluice.ts'

const GIVE_UP_AFTER_MS = 60_000

export async function clientOf({ ready }: RunningSluice): Promise<HttpClient> {
  const connection = await loadKubeconfig(ready.kubeconfig)
  return createHttpClient({ ...connection, userAgent: 'sluice-test' })
}

/** The object as soon as `holds` is true of it; `undefined` stands for an object that does not exist. */
export async function untilObject<T extends KubeObject>(
  client: KubeClient,
  { type, key }: { readonly type: ResourceType<T>; readonly key: ObjectKey },
  holds: (object: T | undefined) => boolean,
): Promise<T | undefined> {
  const { namespace, name } = splitKey(key)
  const signal = AbortSignal.timeout(GIVE_UP_AFTER_MS)
  const existing = await client.get(type, key).catch((error: unknown) => {
    if (isReason(error, 'NotFound')) return undefined
    throw error
  })
  if (holds(existing)) return existing
  let last: T | undefined = existing
  const options = { ...(namespace === undefined ? {} : { namespace }), fieldSelector: `metadata.name=${name}`, signal }
  try {
    for await (const event of client.watch(type, options)) {
      if (event.type === 'BOOKMARK' || event.type === 'ERROR') continue
      last = event.type === 'DELETED' ? undefined : event.object
      if (holds(last)) return last
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  throw new Error(`${type.kind} ${key} did not come to the state waited for; it is ${JSON.stringify(last, null, 1)}`)
}

/** The condition, if the object's controller has judged the present generation. */
export function currentCondition(object: KubeObject | undefined, type: string): Condition | undefined {
  const conditions = (object as { status?: { conditions?: readonly Condition[] } } | undefined)?.status?.conditions
  const generation = object?.metadata.generation ?? 0
  return conditions?.find((each) => each.type === type && (each.observedGeneration ?? generation) >= generation)
}
