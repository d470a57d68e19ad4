/**
 * What was last accepted of each routing object, kept as ControllerRevisions beside the objects, so that a restarted control
 * serves the same traffic although the objects may have turned bad. One store for all languages. Written only when it changes;
 * the owner takes it along.
 */
import { defined } from '../../base/assert.ts'
import type { Accepted } from '../../dialects/last-good.ts'
import { controllerRevisions } from '../../kinds/controller-revision.ts'
import type { ControllerRevision } from '../../kinds/controller-revision.ts'
import { isReason } from '../../kube/api-error.ts'
import type { KubeClient } from '../../kube/client.ts'
import { controllerOf } from '../../kube/object.ts'
import type { ResourceType } from '../../kube/object.ts'
import { referenceText } from '../../routing/object-reference.ts'
import type { ObjectReference } from '../../routing/object-reference.ts'
import { deleteRevision, ownedRevision, revisionName, shortHash } from '../owned-revisions.ts'

const LABEL = 'sluice.dev/last-good'

interface Kept {
  /** Of the newest revision. */
  readonly name: string
  readonly revision: number
  /** All revisions of the object: more than one only after a crash between making and deleting. */
  readonly names: readonly string[]
  /** What it says; undefined where it was read and not written by this process. */
  readonly accepted?: Accepted
}

export class LastGoodStore {
  readonly #client: KubeClient
  /** For the versions under which owners are named. */
  readonly #types: readonly ResourceType[]
  /** By `referenceText`. */
  readonly #kept = new Map<string, Kept>()

  constructor(client: KubeClient, types: readonly ResourceType[]) {
    this.#client = client
    this.#types = types
  }

  keys(): Iterable<string> {
    return this.#kept.keys()
  }

  /** Reads what was kept. To be called once, before anything is compiled. */
  async load(signal: AbortSignal): Promise<readonly Accepted[]> {
    const { items } = await this.#client.list(controllerRevisions, { labelSelector: LABEL, signal })
    const accepted: Accepted[] = []
    for (const [text, revisions] of Map.groupBy(items, ownerText)) {
      const newest = revisions.toSorted((a, b) => b.revision - a.revision)[0]
      const found = newest === undefined ? undefined : acceptedIn(newest)
      if (text === undefined || newest === undefined || found === undefined) continue
      accepted.push(found)
      const names = revisions.map(({ metadata }) => metadata.name ?? '')
      this.#kept.set(text, { name: newest.metadata.name ?? '', revision: newest.revision, names })
    }
    return accepted
  }

  /** Makes what is kept for the object what was accepted last. */
  async keep(text: string, accepted: Accepted | undefined, signal: AbortSignal): Promise<void> {
    if (accepted === undefined) {
      this.#kept.delete(text) // the garbage collector takes it: its owner is gone
      return
    }
    const kept = this.#kept.get(text)
    if (kept?.accepted === accepted) return
    const name = this.#nameOf(accepted)
    if (kept?.name === name && kept.names.length === 1) {
      this.#kept.set(text, { ...kept, accepted })
      return
    }
    const revision = kept?.name === name ? kept.revision : (kept?.revision ?? 0) + 1
    if (kept?.name !== name) await this.#create(this.#revisionOf(name, accepted, revision), signal)
    const names = [...(kept?.names ?? []).filter((each) => each !== name), name]
    this.#kept.set(text, { name, revision, names, accepted })
    await this.#prune(text, accepted.object.namespace, signal)
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
  async #prune(text: string, namespace: string, signal: AbortSignal): Promise<void> {
    const kept = this.#kept.get(text)
    for (const name of kept?.names ?? []) {
      if (kept === undefined || name === kept.name) continue
      await deleteRevision(this.#client, { namespace, name }, signal)
    }
    if (kept !== undefined) this.#kept.set(text, { ...kept, names: [kept.name] })
  }

  #revisionOf(name: string, accepted: Accepted, revision: number): ControllerRevision {
    const { object, uid, generation, record } = accepted
    return ownedRevision(
      { type: this.#typeOf(object), name: object.name, namespace: object.namespace, uid },
      { name, labels: { [LABEL]: object.kind.toLowerCase() }, data: { uid, generation, record }, revision },
    )
  }

  #typeOf({ group, kind }: ObjectReference): ResourceType {
    return defined(
      this.#types.find((type) => type.group === group && type.kind === kind),
      `type of ${kind}.${group}`,
    )
  }

  #nameOf({ object, uid, generation, record }: Accepted): string {
    const content = JSON.stringify([object.group, uid, generation, record])
    return revisionName({ type: this.#typeOf(object), name: object.name }, shortHash(content))
  }
}

function ownerText(revision: ControllerRevision): string | undefined {
  const owner = ownerOf(revision)
  return owner === undefined ? undefined : referenceText(owner)
}

function ownerOf(revision: ControllerRevision): ObjectReference | undefined {
  const owner = controllerOf(revision)
  if (owner === undefined) return undefined
  const slash = owner.apiVersion.indexOf('/')
  const group = slash < 0 ? '' : owner.apiVersion.slice(0, slash)
  return { group, kind: owner.kind, namespace: revision.metadata.namespace ?? '', name: owner.name }
}

/** Undefined for what is not ours after all; the object's present spec then has to do. */
function acceptedIn(revision: ControllerRevision): Accepted | undefined {
  const object = ownerOf(revision)
  const { uid, generation, record } = (revision.data ?? {}) as Partial<Accepted>
  if (object === undefined || typeof uid !== 'string' || typeof generation !== 'number') return undefined
  // The first releases kept the record alone.
  return { object, uid, generation, record: record ?? revision.data }
}
