import type { Command } from 'commander'
import { examples, type Host, runs } from '../command.ts'
import type { DemoOptions } from '../options.ts'

export function addDemo(program: Command, host: Host): void {
  const command = program
    .command('demo')
    .summary('watch three live canaries')
    .description(
      'Runs Sluice in a throw-away data directory with live traffic, and shows three canaries: one by hand, one by ' +
        'itself, and a bad one that is taken back. Then keeps serving until Ctrl-C.',
    )
    .option('--once', 'end after the summary: 0 only if all held')
    .option('--keep', 'do not remove the data directory at the end')
  runs<DemoOptions>(command, host, async () => (await import('../demo/demo.ts')).demo)
  examples(command, [
    ['sluice demo', 'Watch, then try commands of your own against it'],
    ['sluice demo --once > demo.txt', 'For scripts: plain lines and an exit code'],
  ])
}
