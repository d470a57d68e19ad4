/** What may stand at the end of an unfinished command line. Silent about every failure: completion never disturbs. */
import type { Command, Option } from 'commander'
import { connect, type Session } from '../api/connect.ts'
import { discover, findResource } from '../api/discovery.ts'
import type { Call, GlobalOptions } from '../command.ts'

/** A shell that waits longer than this for candidates feels broken. */
const ASK_TIMEOUT_MS = 1_500
/** More candidates than this help nobody. */
const NAMES_MAX = 500

interface Candidate {
  readonly value: string
  readonly what?: string
}

const FILES: Candidate = { value: ':files' }

export async function complete(call: Call<object>, program: Command): Promise<number> {
  const candidates = await candidatesFor(call.args, program, call)
  const current = call.args.at(-1) ?? ''
  const fitting = candidates.filter(({ value }) => value === FILES.value || value.startsWith(current))
  call.deps.stdout.write(
    fitting.map(({ value, what }) => `${value}${what === undefined ? '' : `\t${what}`}\n`).join(''),
  )
  return 0
}

interface Line {
  /** The command that the words lead to. */
  readonly command: Command
  readonly positional: readonly string[]
  readonly options: GlobalOptions
  /** The option whose value is being typed. */
  readonly pending: Option | undefined
}

async function candidatesFor(
  words: readonly string[],
  program: Command,
  call: Call<object>,
): Promise<readonly Candidate[]> {
  const current = words.at(-1) ?? ''
  const line = parseLine(words.slice(0, -1), program)
  if (line.pending !== undefined) return valuesOf(line.pending, line, call)
  if (current.startsWith('-')) return optionsOf(line.command, program)
  const commands = line.positional.length === 0 ? commandsOf(line.command) : []
  return commands.length > 0 ? commands : argumentsOf(line, call)
}

/** Walks the words before the one being typed. */
function parseLine(words: readonly string[], program: Command): Line {
  let command = program
  let pending: Option | undefined
  const positional: string[] = []
  const values = new Map<string, string>()
  for (const word of words) {
    if (pending !== undefined) {
      values.set(pending.attributeName(), word)
      pending = undefined
    } else if (word.startsWith('-')) {
      const option = [...command.options, ...program.options].find((each) => each.short === word || each.long === word)
      pending = option !== undefined && (option.required || option.optional) ? option : undefined
    } else {
      const child = positional.length === 0 ? command.commands.find((each) => each.name() === word) : undefined
      if (child === undefined) positional.push(word)
      else command = child
    }
  }
  return { command, positional, options: Object.fromEntries(values), pending }
}

function commandsOf(command: Command): readonly Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help')
    .map((child) => ({ value: child.name(), what: child.summary() || child.description() }))
}

function optionsOf(command: Command, program: Command): readonly Candidate[] {
  const help = command.createHelp()
  const options = [...help.visibleOptions(command), ...(command === program ? [] : help.visibleOptions(program))]
  return options.flatMap(({ long, description }) =>
    long === undefined || long === null ? [] : [{ value: long, what: description }],
  )
}

function valuesOf(option: Option, line: Line, call: Call<object>): Promise<readonly Candidate[]> {
  if (option.argChoices !== undefined) return Promise.resolve(option.argChoices.map((value) => ({ value })))
  if (option.long === '--namespace') return namesOf('namespaces', line, call)
  return Promise.resolve(/<(file|dir|path)/.test(option.flags) ? [FILES] : [])
}

function argumentsOf({ command, positional, options }: Line, call: Call<object>): Promise<readonly Candidate[]> {
  const line = { options, positional }
  const parent = command.parent?.name()
  if (command.name() === 'completion') return Promise.resolve(['bash', 'zsh', 'fish'].map((value) => ({ value })))
  if (parent === 'release') return namesOf('releases.sluice.dev', line, call)
  if (command.name() === 'logs') return positional.length === 0 ? namesOf('pods', line, call) : Promise.resolve([])
  if (command.name() !== 'get' && command.name() !== 'delete') return Promise.resolve([])
  const [type] = positional
  return type === undefined ? typesOf(line, call) : namesOf(type, line, call)
}

type Where = Pick<Line, 'options' | 'positional'>

function typesOf(line: Where, call: Call<object>): Promise<readonly Candidate[]> {
  return ask(line, call, async ({ client }, signal) => {
    const served = await discover(client, signal)
    return [...new Set(served.filter(({ verbs }) => verbs.includes('list')).map(({ plural }) => plural))]
  })
}

function namesOf(type: string, line: Where, call: Call<object>): Promise<readonly Candidate[]> {
  return ask(line, call, async ({ client, namespace }, signal) => {
    const resource = findResource(await discover(client, signal), type)
    if (resource === undefined) return []
    const { items } = await client.list(resource, { ...(resource.namespaced ? { namespace } : {}), signal })
    const named = new Set(line.positional.slice(1))
    return items.map(({ metadata }) => metadata.name ?? '').filter((name) => !named.has(name))
  })
}

async function ask(
  { options }: Where,
  { deps }: Call<object>,
  question: (session: Session, signal: AbortSignal) => Promise<readonly string[]>,
): Promise<readonly Candidate[]> {
  try {
    await using session = await connect(options, deps)
    const signal = AbortSignal.any([deps.signal, AbortSignal.timeout(ASK_TIMEOUT_MS)])
    return (await question(session, signal)).slice(0, NAMES_MAX).map((value) => ({ value }))
  } catch {
    // No server, no candidates: an error message would land in the middle of the user's line.
    return []
  }
}
