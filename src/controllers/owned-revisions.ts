/**
 * ControllerRevisions in which a controller keeps what people need not look at. A revision is never changed: a new one
 * is written, then the old ones are deleted. The garbage collector takes them all when their owner goes.
 */
import { createHash } from 'node:crypto'
import { controllerRevisions } from '../kinds/controller-revision.ts'
import type { ControllerRevision } from '../kinds/controller-revision.ts'
import { isReason } from '../kube/api-error.ts'
import type { KubeClient } from '../kube/client.ts'
import { apiVersionOf, objectKey } from '../kube/object.ts'
import type { ResourceType } from '../kube/object.ts'

const HASH_CHARACTERS = 10
/** Room for what tells the revisions of one owner apart, in a name of 253 characters. */
const NAME_CHARACTERS_MAX = 225

export interface RevisionOwner {
  readonly type: ResourceType
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export interface RevisionContent {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly data: unknown
  readonly revision: number
}

export function ownedRevision(
  { type, namespace, name, uid }: RevisionOwner,
  content: RevisionContent,
): ControllerRevision {
  const owner = { apiVersion: apiVersionOf(type), kind: type.kind, name, uid, controller: true }
  return {
    apiVersion: apiVersionOf(controllerRevisions),
    kind: controllerRevisions.kind,
    metadata: { namespace, name: content.name, labels: content.labels, ownerReferences: [owner] },
    data: content.data,
    revision: content.revision,
  }
}

/** A name that begins with the owner's kind and name; `parts` tell the owner's revisions apart. */
export function revisionName(
  { type, name }: Pick<RevisionOwner, 'type' | 'name'>,
  ...parts: readonly string[]
): string {
  return [`${type.kind.toLowerCase()}-${name}`.slice(0, NAME_CHARACTERS_MAX), ...parts].join('-')
}

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARACTERS)
}

/** What is gone already is fine. */
export async function deleteRevision(
  client: KubeClient,
  { namespace, name }: { readonly namespace: string | undefined; readonly name: string },
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.delete(controllerRevisions, objectKey(namespace, name), { signal })
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
  }
}
