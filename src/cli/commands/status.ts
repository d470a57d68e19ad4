import type { Command } from 'commander'
import { examples, type Host, outputOption, runs } from '../command.ts'
import type { StatusOptions } from '../options.ts'

export function addStatus(program: Command, host: Host): void {
  const command = program
    .command('status')
    .summary('health of everything at one glance')
    .description(
      'Tells how control plane, gateway, proxies, routes, workloads and releases are. Fails when one is not well.',
    )
    .addOption(outputOption(['json']))
  runs<StatusOptions>(command, host, async () => (await import('../actions/status.ts')).status)
  examples(command, [
    ['sluice status', 'Is everything well?'],
    ['sluice status -o json', 'The same for a program'],
  ])
}
