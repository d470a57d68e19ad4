/** The informers of one process: each kind is listed and watched once, whoever asks for it. */
import type { KubeClient } from './client.ts'
import { startInformer } from './informer.ts'
import type { Informer, InformerDeps } from './informer.ts'
import { resourceName } from './object.ts'
import type { KubeObject, ResourceType } from './object.ts'

export interface Informers {
  /** The informer of a kind over all namespaces; started when first asked for. */
  of<T extends KubeObject>(type: ResourceType<T>): Informer<T>
  /** Resolves once every informer has stopped, after the signal aborted. */
  closed(): Promise<void>
}

export function createInformers(client: KubeClient, deps: InformerDeps): Informers {
  const started = new Map<string, Informer<KubeObject>>()
  return {
    of<T extends KubeObject>(type: ResourceType<T>): Informer<T> {
      const name = `${resourceName(type)}/${type.version}`
      const informer = started.get(name) ?? startInformer<KubeObject>(client, type, deps)
      started.set(name, informer)
      // The name stands for the type: it was started with this very ResourceType.
      return informer as unknown as Informer<T>
    },
    async closed() {
      await Promise.all([...started.values()].map((informer) => informer.closed))
    },
  }
}
