/** A VirtualService as it was last accepted: enough to compile the same routes again, whatever has become of the objects. */
import type { UpstreamSpec } from '../kinds/upstream.ts'
import type { VirtualServiceSpec } from '../kinds/virtual-service.ts'
import type { Accepted } from '../../last-good.ts'

export interface UsedUpstream {
  readonly uid: string
  readonly generation: number
  readonly spec: UpstreamSpec
}

/** By key. */
export type UsedUpstreams = Readonly<Record<string, UsedUpstream>>

export interface AcceptedVirtualService {
  readonly uid: string
  readonly generation: number
  readonly spec: VirtualServiceSpec
  /** The Upstreams that it used. */
  readonly upstreams: UsedUpstreams
}

/** Undefined for what was written by something else. Keeps its identity: it is kept again as it was. */
export function acceptedFrom({ record }: Accepted): AcceptedVirtualService | undefined {
  const { uid, generation, spec, upstreams } = (record ?? {}) as Partial<AcceptedVirtualService>
  const isOurs =
    typeof uid === 'string' &&
    typeof generation === 'number' &&
    typeof spec === 'object' &&
    typeof upstreams === 'object'
  return isOurs ? (record as AcceptedVirtualService) : undefined
}
