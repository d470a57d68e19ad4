import type { Command } from 'commander'
import { dataDirOf, examples, type Host, runs } from '../command.ts'

export function addDown(program: Command, host: Host): void {
  const command = program
    .command('down')
    .summary('end what `sluice up` runs in a data directory')
    .description(
      'Ends the control plane of a data directory with its proxies and pods, also those that outlived a control plane that was ' +
        'killed. What is stored stays: `sluice up` goes on from there.',
    )
  runs(command, host, () => Promise.resolve(({ deps, options }) => deps.down({ dataDir: dataDirOf(options, deps) })))
  examples(command, [
    ['sluice down', 'End what runs in ./.sluice'],
    ['sluice down --data-dir /var/lib/sluice', 'End what runs in another directory'],
  ])
}
