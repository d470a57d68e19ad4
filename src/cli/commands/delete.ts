import { type Command, Option } from 'commander'
import { examples, type Host, outputOption, parseCount, parseDurationMs, runs } from '../command.ts'
import type { DeleteOptions } from '../options.ts'

export function addDelete(program: Command, host: Host): void {
  const command = program
    .command('delete')
    .summary('delete objects')
    .description(
      'Deletes objects by type and name, by label, or by the files that made them, and waits until they are gone.',
    )
    .argument('[type]', 'TYPE, TYPE/NAME, or several types separated by commas')
    .argument('[name...]', 'names of the objects')
    .option('-f, --filename <path...>', 'delete what these files name: file, directory, URL, or -')
    .option('-R, --recursive', 'descend into directories')
    .option('-l, --selector <labels>', 'objects with these labels')
    .option('--all', 'every object of the type in the namespace')
    .option('-A, --all-namespaces', 'with --all or -l: in every namespace')
    .option('--ignore-not-found', 'succeed when an object does not exist')
    .option('--no-wait', 'do not wait until the objects are gone')
    .option('--timeout <duration>', 'give up waiting after this time (default: never)', parseDurationMs)
    .option('--grace-period <seconds>', 'time the object gets to stop', parseCount)
    .option('--now', 'one second to stop')
    .option('--force', 'with --grace-period 0: do not wait for the object’s agent')
    .addOption(
      new Option('--cascade <how>', 'what happens to the objects it owns')
        .choices(['background', 'foreground', 'orphan'])
        .default('background'),
    )
    .addOption(outputOption(['name']))
  runs<DeleteOptions>(command, host, async () => (await import('../actions/delete.ts')).deleteObjects)
  examples(command, [
    ['sluice delete deploy -n echo echo-v1', 'Delete one Deployment with its pods'],
    ['sluice delete -f vs.yaml', 'Delete what a file names'],
    ['sluice delete pods -l version=v1 -n echo', 'Delete pods by label'],
  ])
}
