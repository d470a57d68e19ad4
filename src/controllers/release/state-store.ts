/** Reads and writes the engine's state. What is known is remembered, so that a look at a release reads nothing. */
import { controllerRevisions } from '../../kinds/controller-revision.ts'
import type { Release } from '../../kinds/release.ts'
import { isReason } from '../../kube/api-error.ts'
import type { KubeClient } from '../../kube/client.ts'
import { isSameJson } from '../../kube/json-value.ts'
import { controllerOf, keyOf } from '../../kube/object.ts'
import type { ObjectKey } from '../../kube/object.ts'
import type { ReleaseState } from '../../release/model.ts'
import { deleteRevision } from '../owned-revisions.ts'
import { STATE_LABEL, countOf, readState, stateName, stateRevision } from './stored-state.ts'
import type { ReadableState, UnreadableState } from './stored-state.ts'

/** The newest state, and the one before it. */
const KEPT_MAX = 2

interface Known extends ReadableState {
  readonly uid: string | undefined
}

export class StateStore {
  readonly #client: KubeClient
  readonly #known = new Map<ObjectKey, Known>()

  constructor(client: KubeClient) {
    this.#client = client
  }

  forget(key: ObjectKey): void {
    this.#known.delete(key)
  }

  async load(release: Release, signal: AbortSignal): Promise<ReadableState | UnreadableState> {
    const key = keyOf(release)
    const known = this.#known.get(key)
    if (known !== undefined && isStillTrue(known, release)) return known
    const { namespace = '', uid = '' } = release.metadata
    const { items } = await this.#client.list(controllerRevisions, {
      namespace,
      labelSelector: `${STATE_LABEL}=${uid}`,
      signal,
    })
    const loaded = readState(
      release,
      items.filter((item) => controllerOf(item)?.uid === uid),
    )
    if (loaded.kind === 'readable') this.#known.set(key, { ...loaded, uid })
    else this.#known.delete(key)
    return loaded
  }

  /** What is stored is this state already. */
  has(release: Release, state: ReleaseState): boolean {
    const known = this.#known.get(keyOf(release))
    return known?.isStored === true && isSameJson(known.state, state)
  }

  /** Stores the state under the next number; returns the number to be counted by the status. */
  async write(release: Release, state: ReleaseState, signal: AbortSignal): Promise<number> {
    const key = keyOf(release)
    const known = this.#known.get(key)
    if (known === undefined) throw new Error(`The state of release ${key} was not loaded`)
    if (this.has(release, state)) return known.count
    const count = known.count + 1
    try {
      // Of two that write the same number, the second is refused and reads again.
      await this.#client.create(controllerRevisions, stateRevision(release, count, state), { signal })
    } catch (error) {
      if (isEnding(release) && isReason(error, 'Forbidden')) return this.#remember(key, known, state)
      this.#known.delete(key) // it may have been written all the same
      throw error
    }
    const names = [...known.names, stateName(release, count)]
    this.#known.set(key, { ...known, count, state, isStored: true, names })
    return count
  }

  /** In a namespace that ends nothing new is made. A deleted release goes back from whichever state it had. */
  #remember(key: ObjectKey, known: Known, state: ReleaseState): number {
    this.#known.set(key, { ...known, state })
    return known.count
  }

  /** Deletes what the stored status does not need any more. */
  async prune(release: Release, signal: AbortSignal): Promise<void> {
    const key = keyOf(release)
    const known = this.#known.get(key)
    if (known === undefined) return
    for (const name of known.names.slice(0, -KEPT_MAX)) {
      await deleteRevision(this.#client, { namespace: release.metadata.namespace, name }, signal)
    }
    this.#known.set(key, { ...known, names: known.names.slice(-KEPT_MAX) })
  }
}

/** The status counts what is remembered, or (the write of the status failed) the one before. */
function isStillTrue(known: Known, release: Release): boolean {
  if (known.uid !== release.metadata.uid) return false
  const counted = countOf(release)
  return counted === known.count || (known.isStored && counted === known.count - 1)
}

function isEnding({ metadata }: Release): boolean {
  return metadata.deletionTimestamp !== undefined
}
