import type { Command } from 'commander'
import { examples, type Host, parseCount, runs } from '../command.ts'
import type { LogsOptions } from '../options.ts'

export function addLogs(program: Command, host: Host): void {
  const command = program
    .command('logs')
    .summary('what a pod has printed')
    .description('Prints what the container of a pod has printed.')
    .argument('<pod>', 'POD, or TYPE/NAME of something that has pods')
    .option('-f, --follow', 'go on printing until the pod ends or Ctrl-C')
    .option('-c, --container <name>', 'container of the pod (default: the first)')
    .option('--tail <lines>', 'only the last lines', parseCount)
    .option('-p, --previous', 'of the run before the last restart')
    .option('--timestamps', 'the time before each line')
  runs<LogsOptions>(command, host, async () => (await import('../actions/logs.ts')).logs)
  examples(command, [
    ['sluice logs deploy/echo-v1 -n echo', 'The log of a pod of a Deployment'],
    ['sluice logs echo-v1-66dbfffb79-287s5 -n echo -f --tail 20', 'The last 20 lines, and what comes'],
  ])
}
