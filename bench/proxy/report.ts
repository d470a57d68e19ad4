/** The tables. */
import type { Loaded } from './load.ts'

export interface Round extends Loaded {
  readonly cpuUs: number
  readonly rssMiB: number
}

export function printRounds(title: string, rounds: ReadonlyMap<string, readonly Round[]>): void {
  const of = (name: string, field: keyof Round): number => median((rounds.get(name) ?? []).map((round) => round[field]))
  const lines = [...rounds].map(([name, all]) =>
    [
      name.padEnd(9),
      of(name, 'perSecond').toFixed(0).padStart(10),
      of(name, 'cpuUs').toFixed(1).padStart(12),
      `${(of('sluice', 'cpuUs') / of(name, 'cpuUs')).toFixed(2)}x`.padStart(12),
      of(name, 'p50Ms').toFixed(2).padStart(8),
      of(name, 'p99Ms').toFixed(2).padStart(8),
      of(name, 'rssMiB').toFixed(0).padStart(9),
      String(all.reduce((sum, { errors }) => sum + errors, 0)).padStart(7),
      ` ${all.map(({ cpuUs }) => cpuUs.toFixed(1)).join(' ')}`,
    ].join(' '),
  )
  const head = 'proxy     requests/s  CPU us/req  sluice takes  p50 ms  p99 ms  RSS MiB  errors  CPU by round'
  process.stdout.write(`\n${title}\n${head}\n${lines.join('\n')}\n`)
}

export function printIdle(found: ReadonlyMap<string, number>): void {
  const lines = [...found].map(([name, kib]) => `${name.padEnd(9)} ${kib.toFixed(1).padStart(7)} KiB`)
  process.stdout.write(`\nidle: resident memory for each open connection\n${lines.join('\n')}\n`)
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
