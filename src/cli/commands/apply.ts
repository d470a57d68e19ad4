import type { Command } from 'commander'
import { examples, type Host, runs } from '../command.ts'
import type { ApplyOptions } from '../options.ts'

export function addApply(program: Command, host: Host): void {
  const command = program
    .command('apply')
    .summary('create or change objects from YAML or JSON')
    .description(
      'Creates the objects that do not exist and changes the others to what the files say, as `kubectl apply` does. ' +
        'Every mistake is reported with its place; the other objects are applied all the same.',
    )
    .requiredOption('-f, --filename <path...>', 'file, directory, URL, or - for standard input')
    .option('-R, --recursive', 'descend into directories')
    .option('--dry-run', 'let the server check everything, but change nothing')
  runs<ApplyOptions>(command, host, async () => (await import('../actions/apply.ts')).apply)
  examples(command, [
    ['sluice apply -f echo.yaml', 'Apply every document of a file'],
    ['sluice apply -f examples/stories/gloo-two-phase/1-setup', 'Apply every .yaml, .yml and .json of a directory'],
    ['cat vs.yaml | sluice apply -f -', 'Apply what another program prints'],
  ])
}
