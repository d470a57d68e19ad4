/** http-echo's command line, in the forms Go's flag package takes: `-name=value`, `-name value`, `--name…`. */

export interface EchoOptions {
  readonly text: string
  /** Empty: not given. */
  readonly host: string
  readonly port: number
  readonly statusCode: number
}

export type ParsedFlags =
  | { readonly kind: 'run'; readonly options: EchoOptions }
  | { readonly kind: 'version' }
  | { readonly kind: 'usage' | 'bad-flag'; readonly message: string }

const DEFAULT_LISTEN = ':5678'
const VALUE_FLAGS: readonly string[] = ['text', 'listen', 'status-code']

type Environment = Readonly<Record<string, string | undefined>>
type Scan =
  | { readonly flags: ReadonlyMap<string, string>; readonly rest: readonly string[] }
  | { readonly error: string }

export function parseFlags(args: readonly string[], env: Environment): ParsedFlags {
  const scan = scanFlags(args)
  if ('error' in scan) return { kind: 'bad-flag', message: scan.error }
  const { flags, rest } = scan
  if (flags.get('version') === 'true') return { kind: 'version' }
  const text = flags.get('text') || env['ECHO_TEXT']
  if (text === undefined || text === '') {
    return { kind: 'usage', message: 'Missing -text option OR ENV var ECHO_TEXT is empty!' }
  }
  if (rest.length > 0) return { kind: 'usage', message: 'Too many arguments!' }
  return optionsOf(text, flags)
}

function optionsOf(text: string, flags: ReadonlyMap<string, string>): ParsedFlags {
  const listen = splitListen(flags.get('listen') ?? DEFAULT_LISTEN)
  if (listen === undefined) {
    return {
      kind: 'bad-flag',
      message: `invalid value "${flags.get('listen')}" for flag -listen: expected [host]:port`,
    }
  }
  const status = flags.get('status-code') ?? '200'
  if (!/^[2-5]\d\d$/.test(status)) {
    return { kind: 'bad-flag', message: `invalid value "${status}" for flag -status-code: expected 200 to 599` }
  }
  return { kind: 'run', options: { text, ...listen, statusCode: Number(status) } }
}

/** Flags end at `--` or at the first argument that is none, as in Go. */
function scanFlags(args: readonly string[]): Scan {
  const flags = new Map<string, string>()
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? ''
    if (arg === '--') return { flags, rest: args.slice(index + 1) }
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(arg)
    if (match === null) return { flags, rest: args.slice(index) }
    const [, name = '', inline] = match
    if (name === 'version') {
      flags.set(name, inline ?? 'true')
      continue
    }
    if (!VALUE_FLAGS.includes(name)) return { error: `flag provided but not defined: -${name}` }
    const value = inline ?? args[++index]
    if (value === undefined) return { error: `flag needs an argument: -${name}` }
    flags.set(name, value)
  }
  return { flags, rest: [] }
}

/** `:8080`, `1.2.3.4:8080`, `[::1]:8080`. */
function splitListen(listen: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(listen)
  if (match === null) return undefined
  const port = Number(match[3])
  return port > 65_535 ? undefined : { host: match[1] ?? match[2] ?? '', port }
}
