/** The command line of Sluice: every command, its options and its help. */
import { join, relative } from 'node:path'
import { Command, CommanderError } from 'commander'
import { codeOf, isAbort } from '../base/errors.ts'
import { type Host, parsePath, UsageError } from './command.ts'
import { addApply } from './commands/apply.ts'
import { addCompletion } from './commands/completion.ts'
import { addDelete } from './commands/delete.ts'
import { addDescribe, addEvents, addTop } from './commands/describe.ts'
import { addDown } from './commands/down.ts'
import { addDemo } from './commands/demo.ts'
import { addExplain } from './commands/explain.ts'
import { addGet } from './commands/get.ts'
import { addLogs } from './commands/logs.ts'
import { addProxy } from './commands/proxy.ts'
import { addRelease } from './commands/release.ts'
import { addStatus } from './commands/status.ts'
import { addUp } from './commands/up.ts'
import { addVersion } from './commands/version.ts'
import type { CliDeps } from './deps.ts'

const EXIT_OK = 0
const EXIT_FAILURE = 1
const EXIT_USAGE = 2

const RUN = 'Run:'
const OBJECTS = 'Objects:'
const TRAFFIC = 'Traffic and releases:'
const OTHER = 'Other:'

/** Builds the whole program. `exit` receives the exit code of the command that ran; nothing here ends the process. */
function buildProgram(deps: CliDeps, exit: (code: number) => void = () => {}): Command {
  const program = new Command('sluice')
  const host: Host = { deps, exit }
  program
    .description('Ship a new version of a service by moving traffic to it, with every step verified live.')
    .option('--kubeconfig <file>', 'how to reach the API (default: $KUBECONFIG, then <data-dir>/kubeconfig)', parsePath)
    .option('--context <name>', 'context of the kubeconfig to use')
    .option('-n, --namespace <name>', 'namespace to work in (default: the context’s, then "default")')
    .option(
      '--data-dir <dir>',
      'data directory of the standalone Sluice (default: $SLUICE_DATA_DIR, then .sluice)',
      parsePath,
    )
    .version(deps.version, '-V, --version', 'print the version of this program')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => deps.stdout.write(text),
      writeErr: (text) => deps.stderr.write(text),
      getOutHelpWidth: () => deps.stdout.columns ?? 100,
      getErrHelpWidth: () => deps.stderr.columns ?? 100,
      outputError: (text, write) => write(text.replace(/^error: /, 'sluice: ')),
    })
    .exitOverride()
    .showHelpAfterError('Add --help for the usage.')
  program.commandsGroup(RUN)
  addUp(program, host)
  addDown(program, host)
  addDemo(program, host)
  program.commandsGroup(OBJECTS)
  addApply(program, host)
  addGet(program, host)
  addDelete(program, host)
  addLogs(program, host)
  addDescribe(program, host)
  addEvents(program, host)
  addTop(program, host)
  program.commandsGroup(TRAFFIC)
  addStatus(program, host)
  addExplain(program, host)
  addProxy(program, host)
  addRelease(program, host)
  program.commandsGroup(OTHER)
  addVersion(program, host)
  addCompletion(program, host)
  return program.addHelpText(
    'after',
    `
Examples:
  # Watch live canaries: one by hand, one by itself, a bad one that is taken back
  sluice demo

  # Run the control plane, then use it from another terminal with sluice or kubectl
  sluice up
  sluice apply -f ${exampleIn('stories/gloo-two-phase/1-setup', deps)}
  curl "$(sluice proxy url)/"`,
  )
}

/** Where an example is from the working directory: the package has its examples in itself, wherever it is installed. */
function exampleIn(path: string, { cwd }: CliDeps): string {
  const absolute = join(import.meta.dirname, '../../examples', path)
  const near = relative(cwd, absolute)
  return near.startsWith('..') ? absolute : near
}

/** Runs one command line (without node and script) and resolves with the exit code: 0 ok, 1 failure, 2 usage. */
export async function runProgram(deps: CliDeps, args: readonly string[]): Promise<number> {
  let code = EXIT_OK
  const program = buildProgram(deps, (actual) => {
    code = actual
  })
  try {
    await program.parseAsync(args.length === 0 ? ['--help'] : args, { from: 'user' })
    return code
  } catch (error) {
    return explain(error, deps)
  }
}

async function explain(error: unknown, deps: CliDeps): Promise<number> {
  // Commander has printed its message already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE
  if (isAbort(error, deps.signal)) return EXIT_FAILURE
  const { describeError } = await import('./output/describe-error.ts')
  deps.stderr.write(`${describeError(error)}\n`)
  return error instanceof UsageError || codeOf(error) === 'usage' ? EXIT_USAGE : EXIT_FAILURE
}
