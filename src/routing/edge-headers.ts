/** Headers in which proxies speak to each other: from strangers they count for nothing. */

const INTERNAL_PREFIXES = ['x-envoy-', 'x-sluice-', 'l5d-']
const FORWARDED_PREFIX = 'x-forwarded-'

/** How the request came here. `name` in lower case. */
export function isForwardedHeader(name: string): boolean {
  return name.startsWith(FORWARDED_PREFIX)
}

/**
 * `forwarded` too, which we do not continue: kept, it would contradict what we say. So with `_` for `-`: servers that give fields
 * to programs as variables (CGI, WSGI) take both for the same name. `name` in lower case.
 */
export function isInternalHeader(name: string): boolean {
  const usual = name.includes('_') ? name.replaceAll('_', '-') : name
  return (
    isForwardedHeader(usual) || usual === 'forwarded' || INTERNAL_PREFIXES.some((prefix) => usual.startsWith(prefix))
  )
}

/** What the client of a proxy that is believed spoke. `said`: the value of `x-forwarded-proto`; undefined: nothing. */
export function believedScheme(own: 'http' | 'https', said: string | undefined): 'http' | 'https' {
  return said === 'http' || said === 'https' ? said : own
}

/** With the token of its listener, a request that has it is told how it was routed. It never goes further than the proxy. */
export const DEBUG_HEADER = 'x-sluice-debug'
