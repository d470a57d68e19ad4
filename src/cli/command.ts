/** How a command of the program is tied to its action; actions are loaded only when they run, so start-up stays short. */
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { nearest } from '../base/nearest.ts'
import type { CliDeps } from './deps.ts'

const WORKERS_MAX = 64

/** Options that every command understands. */
export interface GlobalOptions {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace?: string
  readonly dataDir?: string
}

/** One run of a command: its positional arguments, its options and the world. */
export interface Call<O> {
  readonly deps: CliDeps
  readonly args: readonly string[]
  readonly options: O & GlobalOptions
}

export type Action<O> = (call: Call<O>) => Promise<number>

/** Collects the commands' exit code. */
export interface Host {
  readonly deps: CliDeps
  readonly exit: (code: number) => void
}

/** A wrong use of the program: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'usage'
}

/** Runs the action that `load` imports when the command is called. Variadic arguments arrive flattened. */
export function runs<O extends object>(command: Command, host: Host, load: () => Promise<Action<O>>): Command {
  return command.action(async () => {
    const run = await load()
    const args = command.processedArgs.flat().filter((value): value is string => typeof value === 'string')
    host.exit(await run({ deps: host.deps, args, options: command.optsWithGlobals<O & GlobalOptions>() }))
  })
}

/** Adds examples to the help text: command line, what it does. */
export function examples(command: Command, lines: readonly (readonly [line: string, what: string])[]): Command {
  const text = lines.map(([line, what]) => `  # ${what}\n  ${line}`).join('\n\n')
  return command.addHelpText('after', `\nExamples:\n${text}`)
}

/** `-o` with its accepted values; one that ends with `=` takes what follows: `jsonpath={.kind}`. */
export function outputOption(values: readonly string[], description = 'output format'): Option {
  const option = new Option('-o, --output <format>', description).choices(values)
  return option.argParser((text: string) => chosenFormat(text, values))
}

/** Many people write `-o=json`. */
function chosenFormat(text: string, values: readonly string[]): string {
  const format = text.replace(/^=/, '')
  const [name = ''] = format.split('=', 1)
  if (values.includes(format) || values.includes(`${name}=`)) return format
  const meant = nearest(name, values)
  const hint = meant === undefined ? '' : `Did you mean ${meant}? `
  throw new InvalidArgumentError(`${hint}Allowed choices are ${values.join(', ')}.`)
}

/** What `get` can print. */
export const OBJECT_FORMATS = [
  'wide',
  'yaml',
  'json',
  'name',
  'jsonpath=',
  'jsonpath-as-json=',
  'jsonpath-file=',
  'custom-columns=',
] as const

/** An unset shell variable in quotes must not choose the working directory in silence. */
export function parsePath(text: string): string {
  if (text !== '') return text
  throw new InvalidArgumentError('It is empty; name a path or leave the option out.')
}

export function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('Expected a port from 0 to 65535, where 0 means any free port.')
}

export function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Expected a whole number, 0 or greater.')
}

/** How many processes share the work. */
export function parseWorkers(text: string): number {
  const count = parseCount(text)
  if (count >= 1 && count <= WORKERS_MAX) return count
  throw new InvalidArgumentError(`Expected a number from 1 to ${WORKERS_MAX}.`)
}

/** A length of time: `30s`, `1m30s`, `500ms`, or bare seconds. The result is in milliseconds. */
export function parseDurationMs(text: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
  if (/^\d+$/.test(text)) return Number(text) * 1_000
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    throw new InvalidArgumentError('Expected a duration such as 30s, 2m or 500ms.')
  }
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce(
    (sum, [, value = '0', unit = 's']) => sum + Number(value) * (units[unit] ?? 0),
    0,
  )
}

/** The data directory that the options, the environment or the default name; absolute. */
export function dataDirOf(options: GlobalOptions, deps: Pick<CliDeps, 'env' | 'cwd'>): string {
  return resolve(deps.cwd, options.dataDir ?? (deps.env['SLUICE_DATA_DIR'] || '.sluice'))
}
