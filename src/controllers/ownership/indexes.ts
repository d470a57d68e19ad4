/** Indexes that find the objects of an owner, and those that have none. */
import type { Informer } from '../../kube/informer.ts'
import { controllerOf } from '../../kube/object.ts'
import type { KubeObject } from '../../kube/object.ts'

const BY_CONTROLLER = 'controller-uid'
const ORPHANS = 'orphans-by-namespace'

/** What `owner` controls, and the orphans in its namespace that it might adopt. */
export function candidatesFor<T extends KubeObject>(informer: Informer<T>, owner: KubeObject): readonly T[] {
  return [...controlledBy(informer, owner), ...orphansIn(informer, owner.metadata.namespace ?? '')]
}

export function controlledBy<T extends KubeObject>(informer: Informer<T>, owner: KubeObject): readonly T[] {
  informer.addIndex(BY_CONTROLLER, (object) => {
    const uid = controllerOf(object)?.uid
    return uid === undefined ? [] : [uid]
  })
  return informer.by(BY_CONTROLLER, owner.metadata.uid ?? '')
}

function orphansIn<T extends KubeObject>(informer: Informer<T>, namespace: string): readonly T[] {
  informer.addIndex(ORPHANS, (object) => (controllerOf(object) === undefined ? [object.metadata.namespace ?? ''] : []))
  return informer.by(ORPHANS, namespace)
}
