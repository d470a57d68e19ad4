import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { LogLevel } from '../../base/log.ts'
import { dataDirOf, examples, type Host, outputOption, parsePort, parseWorkers, runs } from '../command.ts'
import type { UpOptions } from '../deps.ts'
import { addTellingOptions, tellingOf } from '../telling-options.ts'
import type { TellingOptions } from '../telling-options.ts'

interface Options extends TellingOptions {
  readonly apiAddress: string
  readonly apiPort: number
  readonly gatewayAddress: string
  readonly gatewayPort: number
  readonly proxies: number
  readonly images?: string
  readonly logLevel: LogLevel
  readonly logFormat: 'text' | 'json'
  readonly output: UpOptions['output']
}

export function addUp(program: Command, host: Host): void {
  const command = program
    .command('up')
    .summary('run Sluice on this machine, in the foreground')
    .description(
      'Runs the API server, the controllers, the proxy and the pods on this machine until Ctrl-C. ' +
        'State lives in the data directory: what was running there before continues.',
    )
    .option('--api-address <ip>', 'address of the API server', '127.0.0.1')
    .option('--api-port <port>', 'port of the API server, 0 = any', parsePort, 6443)
    .option('--gateway-address <ip>', 'address of the gateway', '127.0.0.1')
    .option('--gateway-port <port>', 'port of the gateway, 0 = any', parsePort, 8080)
    .option('--proxies <n>', 'proxy processes that share the gateway’s port', parseWorkers, 1)
    .option('--images <file>', 'YAML file that adds container images and the commands behind them')
    .addOption(outputOption(['text', 'json'], 'form of the ready line').default('text'))
  addTellingOptions(command)
  addLogOptions(command)
  runs<Options>(command, host, () =>
    Promise.resolve(({ deps, options }) =>
      deps.up({
        dataDir: dataDirOf(options, deps),
        apiAddress: options.apiAddress,
        apiPort: options.apiPort,
        gatewayAddress: options.gatewayAddress,
        gatewayPort: options.gatewayPort,
        proxies: options.proxies,
        imagesFile: options.images === undefined ? undefined : resolve(deps.cwd, options.images),
        telling: tellingOf(options, deps.cwd),
        logLevel: options.logLevel,
        logFormat: options.logFormat,
        output: options.output,
      }),
    ),
  )
  examples(command, [
    ['sluice up', 'Run in ./.sluice; the API on port 6443, the gateway on port 8080'],
    ['sluice up --data-dir /var/lib/sluice --gateway-port 80', 'Keep the state elsewhere and serve on port 80'],
    ['sluice up --api-port 0 --gateway-port 0 -o json', 'For scripts: free ports, one JSON line once it is ready'],
    ['sluice up --access-log access.log', 'Write a line in Envoy’s form for each request of the gateway'],
    ['kubectl --kubeconfig .sluice/kubeconfig get all -A', 'From another terminal: any kubectl works'],
  ])
}

export function addLogOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--log-level <level>', 'least severe log records to print')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(new Option('--log-format <format>', 'form of the log').choices(['text', 'json']).default('text'))
}
