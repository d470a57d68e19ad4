/** Kubernetes' own kinds that the embedded API serves. Adding one is adding its file and a line here; languages bring theirs. */
import { configMapKind } from './config-map.ts'
import { controllerRevisionKind } from './controller-revision.ts'
import { deploymentKind } from './deployment.ts'
import { endpointSliceKind } from './endpoint-slice.ts'
import { endpointsKind } from './endpoints.ts'
import { eventKind } from './event.ts'
import type { Kind } from './kind.ts'
import { namespaceKind } from './namespace.ts'
import { podKind } from './pod.ts'
import { replicaSetKind } from './replica-set.ts'
import { secretKind } from './secret.ts'
import { serviceAccountKind } from './service-account.ts'
import { serviceKind } from './service.ts'

export const kubernetesKinds: readonly Kind[] = [
  namespaceKind,
  serviceKind,
  podKind,
  eventKind,
  endpointsKind,
  endpointSliceKind,
  configMapKind,
  secretKind,
  serviceAccountKind,
  deploymentKind,
  replicaSetKind,
  controllerRevisionKind,
]
