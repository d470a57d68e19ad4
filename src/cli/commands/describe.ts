import type { Command } from 'commander'
import { examples, type Host, runs } from '../command.ts'
import type { DescribeOptions, EventsOptions } from '../options.ts'

export function addDescribe(program: Command, host: Host): void {
  const command = program
    .command('describe')
    .summary('objects with their events')
    .description('Prints objects for people: what they say, how they are, who serves, and the events about them.')
    .argument('<type>', 'TYPE or TYPE/NAME')
    .argument('[name...]', 'names of single objects; all of the type when left out')
    .option('-A, --all-namespaces', 'in every namespace')
  runs<DescribeOptions>(command, host, async () => (await import('../actions/describe.ts')).describe)
  examples(command, [
    ['sluice describe release echo-v3 -n echo', 'A release, its conditions and its events'],
    ['sluice describe pods -n echo', 'All pods of a namespace'],
  ])
}

export function addEvents(program: Command, host: Host): void {
  const command = program
    .command('events')
    .summary('what happened, in the order of time')
    .description('Prints the latest events of a namespace, or those about one object; the latest is last.')
    .argument('[object]', 'TYPE/NAME of the object')
    .option('-A, --all-namespaces', 'in every namespace')
    .option('-w, --watch', 'go on printing events until Ctrl-C')
  runs<EventsOptions>(command, host, async () => (await import('../actions/events.ts')).listEvents)
  examples(command, [
    ['sluice events -n echo', 'Everything that happened in a namespace'],
    ['sluice events -A --watch', 'Everything that happens anywhere'],
    ['sluice events deploy/echo-v1 -n echo', 'What happened to one object'],
  ])
}

export function addTop(program: Command, host: Host): void {
  const command = program
    .command('top')
    .summary('where to see CPU and memory')
    .description('Tells where to see what pods use. Sluice does not measure it: they are processes of this machine.')
    .argument('[type]', 'pods or nodes')
    .argument('[name...]', 'names of single objects')
  runs<object>(command, host, async () => (await import('../actions/top.ts')).top)
  examples(command, [['sluice top pods', 'Where to see it']])
}
