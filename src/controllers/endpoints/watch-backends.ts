/** Wakes the Services that select a changed pod. */
import type { Pod } from '../../kinds/pod.ts'
import type { Service } from '../../kinds/service.ts'
import type { Informer } from '../../kube/informer.ts'
import { keyOf } from '../../kube/object.ts'
import { watchObjects } from '../controller.ts'
import type { Source } from '../controller.ts'
import { selects } from './backends.ts'

export function watchBackends(pods: Informer<Pod>, services: Informer<Service>): Source {
  return watchObjects(pods, (pod) =>
    services
      .list(pod.metadata.namespace ?? '')
      .filter((service) => selects(service, pod))
      .map((service) => keyOf(service)),
  )
}
