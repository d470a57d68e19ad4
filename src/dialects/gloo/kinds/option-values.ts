/** What texts and lists in options mean: checks, findings and the compiler must read them alike. */
import { parseDurationMs } from '../../../base/duration.ts'
import type { HashPolicy } from './options-schema.ts'

/** Of Envoy's conditions, those that Sluice can tell. */
const RETRY_CONDITIONS = [
  '5xx',
  'gateway-error',
  'reset',
  'connect-failure',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
] as const

type RetryOn = (typeof RETRY_CONDITIONS)[number]

export interface RetryConditions {
  readonly known: readonly RetryOn[]
  readonly unknown: readonly string[]
}

/** Of `5xx, gateway-error`; each condition once. */
export function retryConditions(text = ''): RetryConditions {
  const names = [...new Set(textList([text]))]
  return {
    known: RETRY_CONDITIONS.filter((condition) => names.includes(condition)),
    unknown: names.filter((name) => !RETRY_CONDITIONS.some((condition) => condition === name)),
  }
}

/** Lists whose entries may again be lists: Gloo joins them with commas. */
export function textList(entries: readonly string[] = []): readonly string[] {
  return entries
    .flatMap((entry) => entry.split(','))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

export type HeaderText =
  | { readonly kind: 'text'; readonly text: string }
  /** Envoy would put something of the request here. */
  | { readonly kind: 'variable'; readonly variable: string }
  /** A percent sign that begins nothing. */
  | { readonly kind: 'broken' }

/** `header-value = *( text / "%%" / "%" operator "%" )`, as in Envoy's custom headers. */
export function headerText(value = ''): HeaderText {
  const rest = value.replaceAll('%%', '')
  const variable = /%[A-Z_]+(?:\([^%]*\))?(?::\d+)?%/.exec(rest)?.[0]
  if (variable !== undefined) return { kind: 'variable', variable }
  return rest.includes('%') ? { kind: 'broken' } : { kind: 'text', text: value.replaceAll('%%', '%') }
}

/** A millionth is the smallest share, as in Envoy. */
export function shareOfPercentage(percentage = 0): number {
  return Math.round(percentage * 10_000) / 1_000_000
}

const DAY_SECONDS = 86_400

/** Of CORS: seconds, or a duration; -1 (do not keep it) is 0. Undefined: it is neither. */
export function maxAgeSeconds(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text)
  if (text === '-1') return 0
  const days = /^(\d+)d$/.exec(text)?.[1]
  if (days !== undefined) return Number(days) * DAY_SECONDS
  const ms = parseDurationMs(text)
  return ms === undefined ? undefined : Math.round(ms / 1_000)
}

export const MERGE_STRATEGIES = ['DEFAULT', 'UNION'] as const

/** By name or number; undefined when it is none of Gloo's. */
export function mergeStrategy(value: string | number = 'DEFAULT'): (typeof MERGE_STRATEGIES)[number] | undefined {
  return typeof value === 'number' ? MERGE_STRATEGIES[value] : MERGE_STRATEGIES.find((name) => name === value)
}

/** Index of the policy that counts: Sluice hashes one thing, and no cookie that it did not set; -1: none. */
export function usedHashPolicy(policies: readonly HashPolicy[]): number {
  return policies.findIndex(
    ({ header, cookie, sourceIp }) => header !== undefined || cookie?.ttl !== undefined || sourceIp === true,
  )
}
