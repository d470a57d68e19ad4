/** Headers in which proxies speak to each other: from strangers they count for nothing. */

const INTERNAL_PREFIXES = ['x-envoy-', 'x-sluice-', 'l5d-']
const FORWARDED_PREFIX = 'x-forwarded-'

/** How the request came here. `name` in lower case. */
export function isForwardedHeader(name: string): boolean {
  return name.startsWith(FORWARDED_PREFIX)
}

/** `forwarded` too, which we do not continue: kept, it would contradict what we say. `name` in lower case. */
export function isInternalHeader(name: string): boolean {
  return isForwardedHeader(name) || name === 'forwarded' || INTERNAL_PREFIXES.some((prefix) => name.startsWith(prefix))
}

/** With the token of its listener, a request that has it is told how it was routed. It never goes further than the proxy. */
export const DEBUG_HEADER = 'x-sluice-debug'
