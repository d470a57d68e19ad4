/** `strftime`, in UTC, with fractions of a second in the ways that access logs ask for them. */

export interface TimeFormat {
  /** Of ms since the epoch, parts of them included. */
  format(timeMs: number): string
}

export type ParsedTimeFormat =
  | { readonly kind: 'format'; readonly format: TimeFormat }
  /** `specifier` is none that is known. */
  | { readonly kind: 'unknown'; readonly specifier: string }

type Part = string | ((date: Date, timeMs: number) => string)

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const DAY_MS = 86_400_000
const NANOS_PER_MS = 1_000_000
const FRACTION_DIGITS = 9

const SPECIFIERS: Readonly<Record<string, (date: Date, timeMs: number) => string>> = {
  Y: (date) => String(date.getUTCFullYear()),
  y: (date) => two(date.getUTCFullYear() % 100),
  m: (date) => two(date.getUTCMonth() + 1),
  d: (date) => two(date.getUTCDate()),
  e: (date) => String(date.getUTCDate()).padStart(2, ' '),
  H: (date) => two(date.getUTCHours()),
  I: (date) => two(hourOfHalf(date)),
  M: (date) => two(date.getUTCMinutes()),
  S: (date) => two(date.getUTCSeconds()),
  p: (date) => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
  j: (date) => String(dayOfYear(date)).padStart(3, '0'),
  a: (date) => dayName(date).slice(0, 3),
  A: dayName,
  b: (date) => monthName(date).slice(0, 3),
  h: (date) => monthName(date).slice(0, 3),
  B: monthName,
  F: (date) => date.toISOString().slice(0, 10),
  T: (date) => date.toISOString().slice(11, 19),
  R: (date) => date.toISOString().slice(11, 16),
  D: (date) => `${two(date.getUTCMonth() + 1)}/${two(date.getUTCDate())}/${two(date.getUTCFullYear() % 100)}`,
  z: () => '+0000',
  Ez: () => '+00:00',
  Z: () => 'UTC',
  s: (_date, timeMs) => String(Math.floor(timeMs / 1_000)),
  f: (_date, timeMs) => fraction(timeMs, FRACTION_DIGITS),
  'E*S': (date, timeMs) => {
    const digits = fraction(timeMs, FRACTION_DIGITS).replace(/0+$/, '')
    return digits === '' ? two(date.getUTCSeconds()) : `${two(date.getUTCSeconds())}.${digits}`
  },
  n: () => '\n',
  t: () => '\t',
  '%': () => '%',
}

/** `%3f`: three digits of the second's fraction; `%E3S`: seconds with three digits behind the point. */
const SPECIFIER = /%(E[1-9]S|E\*S|Ez|[1-9]f|.|$)/gsu

export function parseTimeFormat(text: string): ParsedTimeFormat {
  const parts: Part[] = []
  let from = 0
  for (const match of text.matchAll(SPECIFIER)) {
    const [whole, name = ''] = match
    const part = partOf(name)
    if (part === undefined) return { kind: 'unknown', specifier: whole }
    parts.push(text.slice(from, match.index), part)
    from = match.index + whole.length
  }
  parts.push(text.slice(from))
  return { kind: 'format', format: { format: (timeMs) => joined(parts, timeMs) } }
}

function partOf(name: string): Part | undefined {
  if (Object.hasOwn(SPECIFIERS, name)) return SPECIFIERS[name]
  if (name.length === 2 && name.endsWith('f')) return (_date, timeMs) => fraction(timeMs, Number(name[0]))
  if (name.length === 3 && name.startsWith('E')) {
    return (date, timeMs) => `${two(date.getUTCSeconds())}.${fraction(timeMs, Number(name[1]))}`
  }
  return undefined
}

function joined(parts: readonly Part[], timeMs: number): string {
  const date = new Date(timeMs)
  let text = ''
  for (const part of parts) text += typeof part === 'string' ? part : part(date, timeMs)
  return text
}

/** Of the second, cut and not rounded. */
function fraction(timeMs: number, digits: number): string {
  const nanos = Math.floor((timeMs - Math.floor(timeMs / 1_000) * 1_000) * NANOS_PER_MS)
  return String(nanos).padStart(FRACTION_DIGITS, '0').slice(0, digits)
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}

function hourOfHalf(date: Date): number {
  return date.getUTCHours() % 12 === 0 ? 12 : date.getUTCHours() % 12
}

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1
}

function dayName(date: Date): string {
  return DAYS[date.getUTCDay()] ?? ''
}

function monthName(date: Date): string {
  return MONTHS[date.getUTCMonth()] ?? ''
}
