import { resolve } from 'node:path'
import type { Command } from 'commander'
import { examples, type Host, runs } from '../command.ts'
import type { LogOptions } from '../deps.ts'
import { addLogOptions } from './up.ts'
import type { ProxyAddressOptions } from '../options.ts'

interface RunOptions extends LogOptions {
  readonly socket: string
  readonly name: string
}

export function addProxy(program: Command, host: Host): void {
  const proxy = program
    .command('proxy')
    .summary('where the gateway answers')
    .description('Tells where the gateway answers, for use in scripts.')
  const url = addAddress(proxy.command('url').description('Prints the URL of the gateway.'))
  runs<ProxyAddressOptions>(url, host, async () => (await import('../actions/proxy.ts')).printProxyUrl)
  examples(url, [
    ['curl "$(sluice proxy url)/"', 'Send a request through the gateway'],
    ['curl -H "stage: canary" "$(sluice proxy url)/"', 'The same as a canary tester'],
  ])
  const address = addAddress(proxy.command('address').description('Prints host and port of the gateway.'))
  runs<ProxyAddressOptions>(address, host, async () => (await import('../actions/proxy.ts')).printProxyAddress)
  examples(address, [['nc $(sluice proxy address | tr : " ")', 'Open a raw connection to the gateway']])
  addProxyRun(proxy, host)
}

function addAddress(command: Command): Command {
  return command
    .option('--name <service>', 'Service of the gateway in namespace gloo-system', 'gateway-proxy')
    .option('--port <name>', 'name of the Service’s port', 'http')
}

/** The data-plane process itself, as `sluice up` starts it. */
function addProxyRun(proxy: Command, host: Host): void {
  const command = proxy
    .command('run', { hidden: true })
    .description('Runs one data-plane process; `sluice up` does this by itself.')
    .requiredOption('--socket <path>', 'Unix socket on which the control plane publishes')
    .option('--name <name>', 'name of this proxy', 'proxy-0')
  addLogOptions(command)
  runs<RunOptions>(command, host, () =>
    Promise.resolve(({ deps, options: { socket, name, logLevel, logFormat } }) =>
      deps.proxy({ socket: resolve(deps.cwd, socket), name, logLevel, logFormat }),
    ),
  )
}
