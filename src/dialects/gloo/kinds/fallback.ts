/** What serves a subset that has no endpoint, by Gloo's name or by the number of the enum. */

export const FALLBACK_POLICIES = ['ANY_ENDPOINT', 'DEFAULT_SUBSET', 'NO_FALLBACK'] as const
export type FallbackPolicy = (typeof FALLBACK_POLICIES)[number]

/** Undefined when it is none of Gloo's. */
export function fallbackPolicy(value: string | number | undefined): FallbackPolicy | undefined {
  if (value === undefined) return 'ANY_ENDPOINT'
  return typeof value === 'number' ? FALLBACK_POLICIES[value] : FALLBACK_POLICIES.find((name) => name === value)
}
