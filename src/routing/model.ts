/**
 * The routing model: what every dialect compiles into and every data plane serves. Whole, immutable, plain JSON.
 * The words are Envoy's. It knows no dialect, no Kubernetes object and no proxy.
 */
import type { Cluster, Locality } from './cluster-model.ts'
import type { Listener, TcpListener } from './listener-model.ts'
import type { ObjectReference } from './object-reference.ts'
import type { RouteTable } from './route-model.ts'

export interface RoutingSnapshot {
  /** Rises with every snapshot that one control plane publishes; compared only within one connection to it. */
  readonly generation: number
  /** The objects, with their generations, that this snapshot contains: an acknowledgement makes exactly these live. */
  readonly sources: readonly SourceGeneration[]
  readonly listeners: readonly Listener[]
  /** Share their ids and addresses with no HTTP listener. Absent: none. */
  readonly tcpListeners?: readonly TcpListener[]
  readonly routeTables: readonly RouteTable[]
  readonly clusters: readonly Cluster[]
  /** Where the data planes that get this snapshot run; absent: nowhere in particular, so no endpoint is nearer than another. */
  readonly locality?: Locality
}

export interface SourceGeneration extends ObjectReference {
  readonly uid: string
  readonly generation: number
}
