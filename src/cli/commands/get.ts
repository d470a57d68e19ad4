import type { Command } from 'commander'
import { examples, type Host, OBJECT_FORMATS, outputOption, runs } from '../command.ts'
import type { GetOptions } from '../options.ts'

export function addGet(program: Command, host: Host): void {
  const command = program
    .command('get')
    .summary('list objects, or print them')
    .description(
      'Lists objects of one or more types, or prints single ones. A type is a plural, a singular or a short name, ' +
        'optionally with its group (`deploy`, `virtualservices.gateway.solo.io`); `all` means the usual ones.',
    )
    .argument('<type>', 'TYPE, TYPE/NAME, or several types separated by commas')
    .argument('[name...]', 'names of single objects')
    .option('-A, --all-namespaces', 'in every namespace')
    .option('-l, --selector <labels>', 'only objects with these labels: app=echo,version!=v1')
    .option('--field-selector <fields>', 'only objects with these fields: metadata.name=echo')
    .addOption(outputOption(OBJECT_FORMATS))
    .option('-w, --watch', 'go on printing changes until Ctrl-C')
    .option('--show-labels', 'add a column with the labels')
    .option('--no-headers', 'leave out the line with the column names')
    .option('--ignore-not-found', 'succeed when a named object does not exist')
  runs<GetOptions>(command, host, async () => (await import('../actions/get.ts')).get)
  examples(command, [
    ['sluice get all -n echo', 'Everything of namespace echo'],
    ['sluice get virtualservices -A', 'The routes, in every namespace'],
    ['sluice get deploy/echo-v1 -n echo -o yaml', 'One object as YAML'],
    ["sluice get pods -n echo -o jsonpath='{.items[*].metadata.name}'", 'Just the names, in kubectl’s JSONPath'],
    ['sluice get pods -l app=echo -w -n echo', 'Pods with a label, and how they change'],
  ])
}
