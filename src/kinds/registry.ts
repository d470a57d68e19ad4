/** Every kind the embedded API serves. Adding a kind is adding its file and a line here. */
import { configMapKind } from './config-map.ts'
import { controllerRevisionKind } from './controller-revision.ts'
import { deploymentKind } from './deployment.ts'
import { endpointSliceKind } from './endpoint-slice.ts'
import { endpointsKind } from './endpoints.ts'
import { eventKind } from './event.ts'
import { upstreamKind } from './gloo-upstream.ts'
import { virtualServiceKind } from './gloo-virtual-service.ts'
import type { Kind } from './kind.ts'
import { namespaceKind } from './namespace.ts'
import { podKind } from './pod.ts'
import { releaseKind } from './release.ts'
import { replicaSetKind } from './replica-set.ts'
import { secretKind } from './secret.ts'
import { serviceAccountKind } from './service-account.ts'
import { serviceKind } from './service.ts'

export const kinds: readonly Kind[] = [
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
  upstreamKind,
  virtualServiceKind,
  releaseKind,
]
