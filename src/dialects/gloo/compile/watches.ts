/** What of Gloo's own kinds is compiled: their specs. */
import { upstreams } from '../kinds/upstream.ts'
import { virtualServices } from '../kinds/virtual-service.ts'
import { isSameGeneration, watchOf } from '../../objects.ts'

export const upstreamWatch = watchOf(upstreams, isSameGeneration)
export const virtualServiceWatch = watchOf(virtualServices, isSameGeneration)
