/**
 * What was last accepted, kept as ControllerRevisions beside the VirtualServices, so that a restarted control serves
 * the same traffic although the objects may have turned bad. Written only when it changes; the owner takes it along.
 */
import type { AcceptedVirtualService, AcceptedVirtualServices } from '../../dialects/gloo/compile.ts'
import { controllerRevisions } from '../../kinds/controller-revision.ts'
import type { ControllerRevision } from '../../kinds/controller-revision.ts'
import { virtualServices } from '../../kinds/gloo-virtual-service.ts'
import { isReason } from '../../kube/api-error.ts'
import type { KubeClient } from '../../kube/client.ts'
import { controllerOf, keyOf, splitKey } from '../../kube/object.ts'
import type { ObjectKey } from '../../kube/object.ts'
import { deleteRevision, ownedRevision, revisionName, shortHash } from '../owned-revisions.ts'

const LABEL = 'sluice.dev/last-good'
const LABEL_VALUE = 'virtualservice'

interface Kept {
  /** Of the newest revision. */
  readonly name: string
  readonly revision: number
  /** All revisions of the object: more than one only after a crash between making and deleting. */
  readonly names: readonly string[]
}

export class LastGoodStore {
  readonly #client: KubeClient
  readonly #kept = new Map<ObjectKey, Kept>()

  constructor(client: KubeClient) {
    this.#client = client
  }

  keys(): Iterable<ObjectKey> {
    return this.#kept.keys()
  }

  /** Reads what was kept. To be called once, before anything is compiled. */
  async load(signal: AbortSignal): Promise<AcceptedVirtualServices> {
    const { items } = await this.#client.list(controllerRevisions, { labelSelector: `${LABEL}=${LABEL_VALUE}`, signal })
    const accepted = new Map<ObjectKey, AcceptedVirtualService>()
    for (const [key, revisions] of Map.groupBy(items, ownerKey)) {
      const newest = revisions.toSorted((a, b) => b.revision - a.revision)[0]
      const decoded = decode(newest?.data)
      if (key === undefined || newest === undefined || decoded === undefined) continue
      accepted.set(key, decoded)
      const names = revisions.map(({ metadata }) => metadata.name ?? '')
      this.#kept.set(key, { name: newest.metadata.name ?? '', revision: newest.revision, names })
    }
    return accepted
  }

  /** Makes what is kept for the object what was accepted last. */
  async keep(key: ObjectKey, accepted: AcceptedVirtualService | undefined, signal: AbortSignal): Promise<void> {
    if (accepted === undefined) {
      this.#kept.delete(key) // the garbage collector takes it: its owner is gone
      return
    }
    const kept = this.#kept.get(key)
    const name = nameOf(key, accepted)
    if (kept?.name === name && kept.names.length === 1) return
    const revision = kept?.name === name ? kept.revision : (kept?.revision ?? 0) + 1
    if (kept?.name !== name) await this.#create(revisionOf(key, name, accepted, revision), signal)
    this.#kept.set(key, { name, revision, names: [...(kept?.names ?? []).filter((each) => each !== name), name] })
    await this.#prune(key, signal)
  }

  async #create(revision: ControllerRevision, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.create(controllerRevisions, revision, { signal })
    } catch (error) {
      // The name holds the hash of the content: what is there is what we want.
      if (!isReason(error, 'AlreadyExists')) throw error
    }
  }

  /** The new one is there: the old ones may go. */
  async #prune(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const kept = this.#kept.get(key)
    for (const name of kept?.names ?? []) {
      if (kept === undefined || name === kept.name) continue
      await deleteRevision(this.#client, { namespace: splitKey(key).namespace, name }, signal)
    }
    if (kept !== undefined) this.#kept.set(key, { ...kept, names: [kept.name] })
  }
}

function nameOf(key: ObjectKey, accepted: AcceptedVirtualService): string {
  const { name } = splitKey(key)
  return revisionName({ type: virtualServices, name }, shortHash(JSON.stringify(accepted)))
}

function revisionOf(
  key: ObjectKey,
  name: string,
  accepted: AcceptedVirtualService,
  revision: number,
): ControllerRevision {
  const { namespace = '', name: owner } = splitKey(key)
  return ownedRevision(
    { type: virtualServices, namespace, name: owner, uid: accepted.uid },
    { name, labels: { [LABEL]: LABEL_VALUE }, data: accepted, revision },
  )
}

function ownerKey(revision: ControllerRevision): ObjectKey | undefined {
  const owner = controllerOf(revision)
  return owner === undefined ? undefined : keyOf({ ...revision, metadata: { ...revision.metadata, name: owner.name } })
}

/** Undefined for what is not ours after all; the object's present spec then has to do. */
function decode(data: unknown): AcceptedVirtualService | undefined {
  const candidate = data as Partial<AcceptedVirtualService> | null | undefined
  const isOurs =
    typeof candidate?.uid === 'string' &&
    typeof candidate.generation === 'number' &&
    typeof candidate.spec === 'object' &&
    typeof candidate.upstreams === 'object'
  return isOurs ? (candidate as AcceptedVirtualService) : undefined
}
