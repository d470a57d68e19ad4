import type { Command } from 'commander'
import { examples, type Host, outputOption, runs } from '../command.ts'
import type { VersionOptions } from '../options.ts'

export function addVersion(program: Command, host: Host): void {
  const command = program
    .command('version')
    .summary('versions of this program and of the API server')
    .description('Prints the versions of this program and of the API server.')
    .option('--client', 'only of this program; asks nobody')
    .addOption(outputOption(['json', 'yaml']))
  runs<VersionOptions>(command, host, async () => (await import('../actions/version.ts')).version)
  examples(command, [
    ['sluice version', 'Client and server'],
    ['sluice version --client -o json', 'The client, for a program'],
  ])
}
