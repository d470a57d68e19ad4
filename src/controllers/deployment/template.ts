/** When a pod template is the same one, and what it is called. Pure. */
import type { PodTemplateSpec } from '../../kinds/pod.ts'
import { fnv1a, safeEncode } from '../names.ts'

/** Label of a Deployment's ReplicaSets and their pods: tells its revisions apart. */
export const TEMPLATE_HASH_LABEL = 'pod-template-hash'

/** Equal but for the hash label, which only ReplicaSets carry. */
export function isSameTemplate(a: PodTemplateSpec, b: PodTemplateSpec): boolean {
  return canonical(withoutHash(a)) === canonical(withoutHash(b))
}

/**
 * A short stable name of the template. Opaque: a real cluster computes other values, as they depend on how Go prints
 * its structures. `collisions` makes another name when the first is taken by a different template.
 */
export function templateHash(template: PodTemplateSpec, collisions = 0): string {
  return safeEncode(String(fnv1a(canonical(withoutHash(template)) + (collisions === 0 ? '' : `#${collisions}`))))
}

export function withHash(template: PodTemplateSpec, hash: string): PodTemplateSpec {
  const { metadata = {} } = template
  return { ...template, metadata: { ...metadata, labels: { ...metadata.labels, [TEMPLATE_HASH_LABEL]: hash } } }
}

export function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { metadata = {} } = template
  const { [TEMPLATE_HASH_LABEL]: _hash, ...labels } = metadata.labels ?? {}
  return { ...template, metadata: { ...metadata, labels } }
}

/** JSON with sorted keys; null and absent are the same (clients send `creationTimestamp: null`). */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    const entries = Object.entries(inner).filter(([, field]) => field !== null && field !== undefined)
    return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })
}
