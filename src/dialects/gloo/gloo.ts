/** Gloo (gloo.solo.io, gateway.solo.io): Upstreams and VirtualServices. */
import { upstreamKind } from './kinds/upstream.ts'
import { virtualServiceKind } from './kinds/virtual-service.ts'
import { backendWatches } from '../backends.ts'
import type { RoutingDialect } from '../routing-dialect.ts'
import { secretWatch } from '../tls-secrets.ts'
import { openGloo } from './compile.ts'
import { upstreamWatch, virtualServiceWatch } from './compile/watches.ts'
import { glooShift } from './shift.ts'
import { glooStatus } from './status.ts'

export const gloo: RoutingDialect = {
  name: 'gloo',
  kinds: [upstreamKind, virtualServiceKind],
  routingKinds: [upstreamKind, virtualServiceKind],
  watches: [upstreamWatch, virtualServiceWatch, secretWatch, ...backendWatches],
  namespaces: ['gloo-system'],
  gatewayServices: [
    { namespace: 'gloo-system', name: 'gateway-proxy', labels: { app: 'gloo', gloo: 'gateway-proxy' } },
  ],
  open: openGloo,
  status: glooStatus,
  shifts: [glooShift],
}
