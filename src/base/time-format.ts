/** `strftime`, in UTC, with fractions of a second in the ways that access logs ask for them. */

export interface TimeFormat {
  /** Of ms since the epoch, parts of them included. */
  format(timeMs: number): string
}

export type ParsedTimeFormat =
  | { readonly kind: 'format'; readonly format: TimeFormat }
  /** `specifier` is none that is known. */
  | { readonly kind: 'unknown'; readonly specifier: string }

/** Of a whole second; `fine` ones of its fractions. */
type Part =
  | { readonly kind: 'second'; readonly write: (date: Date) => string }
  | { readonly kind: 'fine'; readonly write: (timeMs: number) => string; readonly digits: number }

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
const MS_DIGITS = 3

const OF_SECONDS: Readonly<Record<string, (date: Date) => string>> = {
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
  s: (date) => String(Math.floor(date.getTime() / 1_000)),
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
    parts.push(literal(text.slice(from, match.index)), part)
    from = match.index + whole.length
  }
  parts.push(literal(text.slice(from)))
  return { kind: 'format', format: new PartsFormat(parts) }
}

function literal(text: string): Part {
  return { kind: 'second', write: () => text }
}

function partOf(name: string): Part | undefined {
  if (Object.hasOwn(OF_SECONDS, name)) {
    const write = OF_SECONDS[name]
    return write === undefined ? undefined : { kind: 'second', write }
  }
  return finePart(name)
}

function finePart(name: string): Part | undefined {
  if (name === 'f')
    return { kind: 'fine', digits: FRACTION_DIGITS, write: (timeMs) => fraction(timeMs, FRACTION_DIGITS) }
  if (name === 'E*S') return { kind: 'fine', digits: FRACTION_DIGITS, write: shortestSeconds }
  if (name.length === 2 && name.endsWith('f')) {
    const digits = Number(name[0])
    return { kind: 'fine', digits, write: (timeMs) => fraction(timeMs, digits) }
  }
  if (name.length !== 3 || !name.startsWith('E')) return undefined
  const digits = Number(name[1])
  return { kind: 'fine', digits, write: (timeMs) => `${secondOf(timeMs)}.${fraction(timeMs, digits)}` }
}

/** Many times of one second, and of one millisecond, follow each other: what is the same in all of them is written once. */
class PartsFormat implements TimeFormat {
  /** Runs of parts that are the same for a second, and parts that are not. */
  readonly #runs: readonly (readonly Part[])[]
  /** Whether what is written changes within a millisecond. */
  readonly #isFiner: boolean
  #second = Number.NaN
  #texts: readonly string[] = []
  #ms = Number.NaN
  #text = ''

  constructor(parts: readonly Part[]) {
    const runs: Part[][] = []
    for (const part of parts) {
      const last = runs.at(-1)
      if (part.kind === 'second' && last?.[0]?.kind === 'second') last.push(part)
      else runs.push([part])
    }
    this.#runs = runs
    this.#isFiner = parts.some((part) => part.kind === 'fine' && part.digits > MS_DIGITS)
  }

  format(timeMs: number): string {
    const ms = Math.floor(timeMs)
    if (ms === this.#ms && !this.#isFiner) return this.#text
    this.#ms = ms
    this.#text = this.#write(timeMs)
    return this.#text
  }

  #write(timeMs: number): string {
    const second = Math.floor(timeMs / 1_000)
    if (second !== this.#second) this.#begin(second)
    let text = ''
    for (const [index, [part]] of this.#runs.entries()) {
      text += part?.kind === 'fine' ? part.write(timeMs) : (this.#texts[index] ?? '')
    }
    return text
  }

  #begin(second: number): void {
    const date = new Date(second * 1_000)
    this.#second = second
    this.#texts = this.#runs.map((run) => run.map((part) => (part.kind === 'second' ? part.write(date) : '')).join(''))
  }
}

function shortestSeconds(timeMs: number): string {
  const digits = fraction(timeMs, FRACTION_DIGITS).replace(/0+$/, '')
  return digits === '' ? secondOf(timeMs) : `${secondOf(timeMs)}.${digits}`
}

/** Of the minute. */
function secondOf(timeMs: number): string {
  const second = Math.floor(timeMs / 1_000)
  return two(second - Math.floor(second / 60) * 60)
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
