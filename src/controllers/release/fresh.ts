/**
 * Own writes, until the caches show them: a decision on an object older than what this controller itself wrote would
 * take back its own step.
 */
import type { Informer } from '../../kube/informer.ts'
import { keyOf, resourceName } from '../../kube/object.ts'
import type { KubeObject, ObjectKey } from '../../kube/object.ts'

export class FreshObjects {
  readonly #written = new Map<string, KubeObject>()

  /** The newer of the cached object and the one that was written last. */
  get<T extends KubeObject>(informer: Informer<T>, key: ObjectKey): T | undefined {
    const name = nameOf(informer, key)
    const cached = informer.get(key)
    const written = this.#written.get(name)
    if (written === undefined) return cached
    if (cached === undefined || !isOlder(cached, written)) {
      this.#written.delete(name)
      return cached
    }
    // Noted under the informer's own type.
    return written as T
  }

  /** Notes the answer to a write. */
  note<T extends KubeObject>(informer: Informer<T>, object: T): T {
    this.#written.set(nameOf(informer, keyOf(object)), object)
    return object
  }
}

function nameOf<T extends KubeObject>(informer: Informer<T>, key: ObjectKey): string {
  return `${resourceName(informer.type)} ${key}`
}

/** Versions of one object are whole numbers that rise; where a server says otherwise, the cache is believed. */
function isOlder(cached: KubeObject, written: KubeObject): boolean {
  if (cached.metadata.uid !== written.metadata.uid) return false
  const [a, b] = [cached.metadata.resourceVersion ?? '', written.metadata.resourceVersion ?? '']
  return /^\d+$/.test(a) && /^\d+$/.test(b) && BigInt(a) < BigInt(b)
}
