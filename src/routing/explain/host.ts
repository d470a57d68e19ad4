/** Under which of the domains a request's host falls, and why. */
import type { ExplainedHost } from '../explanation.ts'
import type { VirtualHost } from '../route-model.ts'
import { nearest } from '../../base/nearest.ts'

/** Domains that are named where none fits. */
const DOMAINS_SHOWN_MAX = 5

/** `virtualHost` is the one that was found for the authority. */
export function explainHost({ name, domains }: VirtualHost, authority: string): ExplainedHost {
  const full = authority.toLowerCase()
  const bare = withoutPort(full)
  const fitting = domains
    .filter((each) => fits(each.toLowerCase(), full, bare))
    .toSorted((a, b) => rankOf(b, full) - rankOf(a, full))
  const domain = fitting[0] ?? '*'
  const host = { virtualHost: name, domain }
  if (domain === '*')
    return { ...host, kind: 'any', why: 'no virtual host names this host, and this one takes all others' }
  if (domain.startsWith('*')) return { ...host, kind: 'wildcard', why: 'the longest wildcard that fits' }
  const isBare = bare !== full && domain.toLowerCase() === bare
  return { ...host, kind: 'exact', why: isBare ? 'the name itself, whatever the port' : 'the name itself' }
}

/** Which domains there are instead. */
export function unknownHostText(authority: string, domains: readonly string[]): string {
  const host = `no virtual host has a domain for "${authority}"`
  if (domains.length === 0) return `${host}; there are no virtual hosts`
  const meant = nearest(withoutPort(authority), domains)
  if (meant !== undefined) return `${host}; the nearest is ${meant}`
  const more = domains.length > DOMAINS_SHOWN_MAX ? ` and ${domains.length - DOMAINS_SHOWN_MAX} more` : ''
  return `${host}; there are ${domains.slice(0, DOMAINS_SHOWN_MAX).join(', ')}${more}`
}

function fits(domain: string, full: string, bare: string): boolean {
  if (domain === '*') return true
  if (!domain.startsWith('*')) return domain === full || domain === bare
  const suffix = domain.slice(1)
  return isBelow(full, suffix) || isBelow(bare, suffix)
}

function isBelow(name: string, suffix: string): boolean {
  return name.length > suffix.length && name.endsWith(suffix)
}

/** Exact before the longest wildcard before `*`; with its port before without. */
function rankOf(domain: string, full: string): number {
  if (domain.startsWith('*')) return domain.length
  return domain.toLowerCase() === full ? Infinity : Number.MAX_SAFE_INTEGER
}

function withoutPort(authority: string): string {
  return authority.endsWith(']') ? authority : authority.replace(/:[^:]*$/, '')
}
