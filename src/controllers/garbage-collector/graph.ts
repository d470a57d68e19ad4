/** Who owns whom, over all kinds: the informers' caches seen as one graph. */
import type { Informer } from '../../kube/informer.ts'
import type { Informers } from '../../kube/informers.ts'
import { apiVersionOf, keyOf, objectKey } from '../../kube/object.ts'
import type { KubeObject, ObjectKey, OwnerReference, ResourceType } from '../../kube/object.ts'

const BY_OWNER = 'owner-uid'

/** An object of any kind, by kind and key: the key of the collector's queue. */
export type NodeKey = string & { readonly __brand: 'NodeKey' }

export interface Node {
  readonly type: ResourceType
  readonly object: KubeObject
}

/** Where an owner reference points: a kind we know, at a place; or nowhere that we could look. */
export interface OwnerPlace {
  readonly type: ResourceType
  readonly key: ObjectKey
}

export class OwnerGraph {
  readonly informers: readonly Informer<KubeObject>[]
  readonly #byKind = new Map<string, Informer<KubeObject>>()

  constructor(informers: Informers, types: readonly ResourceType[]) {
    this.informers = types.map((type) => informers.of(type))
    for (const informer of this.informers) {
      informer.addIndex(BY_OWNER, ({ metadata }) => (metadata.ownerReferences ?? []).map(({ uid }) => uid))
      this.#byKind.set(kindKey(apiVersionOf(informer.type), informer.type.kind), informer)
    }
  }

  node(key: NodeKey): Node | undefined {
    const [kind = '', place = ''] = key.split(' ')
    const informer = this.#byKind.get(kind)
    const object = informer?.get(place as ObjectKey)
    return informer === undefined || object === undefined ? undefined : { type: informer.type, object }
  }

  dependentsOf(uid: string): readonly Node[] {
    return this.informers.flatMap((informer) =>
      informer.by(BY_OWNER, uid).map((object) => ({ type: informer.type, object })),
    )
  }

  /** Undefined for kinds that are not ours to know, and for references that no object may have. */
  placeOf(reference: OwnerReference, dependent: KubeObject): OwnerPlace | undefined {
    const type = this.#byKind.get(kindKey(reference.apiVersion, reference.kind))?.type
    const { namespace } = dependent.metadata
    if (type === undefined || (type.namespaced && namespace === undefined)) return undefined
    return { type, key: objectKey(type.namespaced ? namespace : undefined, reference.name) }
  }

  cached({ type, key }: OwnerPlace): KubeObject | undefined {
    return this.#byKind.get(kindKey(apiVersionOf(type), type.kind))?.get(key)
  }
}

export function nodeKey({ type, object }: Node): NodeKey {
  return placeKey(type, keyOf(object))
}

export function placeKey(type: ResourceType, key: ObjectKey): NodeKey {
  return `${kindKey(apiVersionOf(type), type.kind)} ${key}` as NodeKey
}

/** The version does not matter: one object is served in several. */
function kindKey(apiVersion: string, kind: string): string {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
  return `${group}/${kind}`
}
