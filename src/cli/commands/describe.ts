import type { Command } from 'commander'
import { examples, type Host, runs } from '../command.ts'

export function addDescribe(program: Command, host: Host): void {
  const command = program
    .command('describe')
    .summary('objects with their events')
    .description('Prints objects for people: what they say, how they are, and the events about them.')
    .argument('<type>', 'TYPE or TYPE/NAME')
    .argument('[name...]', 'names of single objects; all of the type when left out')
  runs(command, host, async () => (await import('../actions/describe.ts')).describe)
  examples(command, [['sluice describe release echo-v3 -n echo', 'A release, its conditions and its events']])
}

export function addEvents(program: Command, host: Host): void {
  const command = program
    .command('events')
    .summary('what happened, in the order of time')
    .description('Prints the events of a namespace, or those about one object; the latest is last.')
    .argument('[object]', 'TYPE/NAME of the object')
  runs(command, host, async () => (await import('../actions/describe.ts')).listEvents)
  examples(command, [
    ['sluice events -n echo', 'Everything that happened in a namespace'],
    ['sluice events deploy/echo-v1 -n echo', 'What happened to one object'],
  ])
}
