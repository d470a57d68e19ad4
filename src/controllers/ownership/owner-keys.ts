/** From an owned object to the keys of those who should look at it. */
import type { Source } from '../controller.ts'
import { watchObjects } from '../controller.ts'
import type { Informer } from '../../kube/informer.ts'
import { controllerOf, keyOf, objectKey } from '../../kube/object.ts'
import type { KubeObject, LabelSelector, ObjectKey, ResourceType } from '../../kube/object.ts'
import { matchesLabels } from '../../kube/selector.ts'

export interface SelectingOwner extends KubeObject {
  readonly spec: { readonly selector: LabelSelector }
}

/** Wakes the controlling owner of each changed object; of an orphan, every owner whose selector matches it. */
export function watchOwned<T extends KubeObject, O extends SelectingOwner>(
  owned: Informer<T>,
  owners: Informer<O>,
): Source {
  return watchObjects(owned, (object): readonly ObjectKey[] => {
    const controller = controllerOf(object)
    if (controller !== undefined) {
      return isOfType(controller, owners.type) ? [objectKey(object.metadata.namespace, controller.name)] : []
    }
    return owners
      .list(object.metadata.namespace ?? '')
      .filter((owner) => matchesLabels(owner.spec.selector, object.metadata.labels))
      .map((owner) => keyOf(owner))
  })
}

function isOfType(
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  type: ResourceType,
): boolean {
  return kind === type.kind && apiVersion.split('/')[0] === (type.group === '' ? type.version : type.group)
}
