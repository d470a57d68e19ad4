/**
 * Who owns what: an owner adopts matching orphans and lets go of what no longer matches its selector. Objects that
 * another controller owns are never touched.
 */
import { isReason } from '../../kube/api-error.ts'
import type { KubeClient } from '../../kube/client.ts'
import { apiVersionOf, controllerOf, keyOf } from '../../kube/object.ts'
import type { KubeObject, LabelSelector, OwnerReference, ResourceType } from '../../kube/object.ts'
import { matchesLabels } from '../../kube/selector.ts'

export interface ClaimOptions<T extends KubeObject> {
  readonly client: KubeClient
  readonly owner: KubeObject
  readonly ownerType: ResourceType
  readonly selector: LabelSelector
  readonly type: ResourceType<T>
  /** The owned objects and the orphans of the owner's namespace, as cached. */
  readonly candidates: readonly T[]
  /** Orphans that are not worth having (finished pods). */
  readonly isAdoptable?: (object: T) => boolean
  readonly signal: AbortSignal
}

/** The objects that belong to the owner, after adopting and releasing. */
export async function claim<T extends KubeObject>(options: ClaimOptions<T>): Promise<readonly T[]> {
  const { owner, selector, candidates, isAdoptable = () => true } = options
  const owned: T[] = []
  const orphans: T[] = []
  for (const object of candidates) {
    const controller = controllerOf(object)
    const isMatch = matchesLabels(selector, object.metadata.labels)
    if (controller?.uid === owner.metadata.uid) {
      if (isMatch) owned.push(object)
      else await release(object, options)
    } else if (controller === undefined && isMatch && isLive(object) && isAdoptable(object)) {
      orphans.push(object)
    }
  }
  if (orphans.length === 0 || !isLive(owner)) return owned
  const adopted = (await isStillThere(options))
    ? await Promise.all(orphans.map((orphan) => adopt(orphan, options)))
    : []
  return [...owned, ...adopted.filter((object) => object !== undefined)]
}

/** The reference by which `owner` controls an object. */
export function controllerReference(owner: KubeObject, type: ResourceType): OwnerReference {
  const { name = '', uid = '' } = owner.metadata
  return { apiVersion: apiVersionOf(type), kind: type.kind, name, uid, controller: true, blockOwnerDeletion: true }
}

/** The cached owner may be long gone, its name taken by another: an adoption must not rest on the cache. */
async function isStillThere<T extends KubeObject>({
  client,
  owner,
  ownerType,
  signal,
}: ClaimOptions<T>): Promise<boolean> {
  try {
    const live = await client.get(ownerType, keyOf(owner), signal)
    return live.metadata.uid === owner.metadata.uid && isLive(live)
  } catch (error) {
    if (isReason(error, 'NotFound')) return false
    throw error
  }
}

async function adopt<T extends KubeObject>(object: T, options: ClaimOptions<T>): Promise<T | undefined> {
  const references = object.metadata.ownerReferences ?? []
  return setOwners(object, [...references, controllerReference(options.owner, options.ownerType)], options)
}

async function release<T extends KubeObject>(object: T, options: ClaimOptions<T>): Promise<void> {
  if (!isLive(object) || !isLive(options.owner)) return
  const others = (object.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== options.owner.metadata.uid)
  await setOwners(object, others, options)
}

async function setOwners<T extends KubeObject>(
  object: T,
  ownerReferences: readonly OwnerReference[],
  { client, type, signal }: ClaimOptions<T>,
): Promise<T | undefined> {
  const { uid, resourceVersion } = object.metadata
  const body = { metadata: { uid, resourceVersion, ownerReferences } }
  try {
    return await client.patch(type, keyOf(object), { kind: 'merge', body }, { signal })
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined
    throw error
  }
}

function isLive({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp === undefined
}
