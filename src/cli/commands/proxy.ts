import { resolve } from 'node:path'
import type { Command } from 'commander'
import { examples, type Host, parseDurationMs, parsePort, parseWorkers, runs } from '../command.ts'
import type { LogOptions } from '../deps.ts'
import { addLogOptions } from './up.ts'
import type { ProxyAddressOptions, ProxyRunFileOptions } from '../options.ts'

interface RunOptions extends LogOptions {
  readonly socket: string
  readonly name: string
  readonly reusePort?: boolean
  readonly lentSockets?: boolean
  readonly endWithControl?: boolean
  readonly drainTimeout: number
}

const ADMIN_PORT = 15_000
const DRAIN_TIMEOUT_MS = 10_000

export function addProxy(program: Command, host: Host): void {
  const proxy = program
    .command('proxy')
    .summary('the proxy alone, or where the gateway answers')
    .description('Runs the proxy alone from a routing file, or tells where the gateway of "sluice up" answers.')
  addRunFile(proxy, host)
  const url = addAddress(proxy.command('url').description('Prints the URL of the gateway.'))
  runs<ProxyAddressOptions>(url, host, async () => (await import('../actions/proxy.ts')).printProxyUrl)
  examples(url, [
    ['curl "$(sluice proxy url)/"', 'Send a request through the gateway'],
    ['curl -H "stage: canary" "$(sluice proxy url)/"', 'The same as a canary tester'],
  ])
  const address = addAddress(proxy.command('address').description('Prints host and port of the gateway.'))
  runs<ProxyAddressOptions>(address, host, async () => (await import('../actions/proxy.ts')).printProxyAddress)
  examples(address, [['nc $(sluice proxy address | tr : " ")', 'Open a raw connection to the gateway']])
  const schema = proxy.command('schema').description('Prints the JSON Schema of routing files.')
  runs(schema, host, async () => (await import('../actions/proxy-file.ts')).printSchema)
  examples(schema, [['sluice proxy schema > routing.schema.json', 'Let an editor complete and check routing files']])
  addProxyRun(proxy, host)
  addProxyKeep(proxy, host)
}

function addRunFile(proxy: Command, host: Host): void {
  proxy
    .option('-f, --filename <file>', 'routing file to serve, YAML or JSON')
    .option('--check', 'only tell what is wrong with the file; exit code 1 when it cannot be served')
    .option('--watch', 'take over changes of the file; SIGHUP always does')
    .option('--workers <n>', 'processes that share the ports', parseWorkers, 1)
    .option('--admin-address <ip>', 'address of the admin port', '127.0.0.1')
    .option('--admin-port <port>', 'admin port, 0 = any', parsePort, ADMIN_PORT)
    .option(
      '--drain-timeout <duration>',
      'longest wait for requests in flight at the end',
      parseDurationMs,
      DRAIN_TIMEOUT_MS,
    )
  addLogOptions(proxy)
  runs<ProxyRunFileOptions & LogOptions>(proxy, host, async () => {
    const { runProxyFile } = await import('../actions/proxy-file.ts')
    return (call) => (call.options.filename === undefined ? proxy.help({ error: true }) : runProxyFile(call))
  })
  examples(proxy, [
    ['sluice proxy -f routing.yaml --check', 'Tell every mistake of a routing file; - reads standard input'],
    ['sluice proxy -f routing.yaml --watch --workers 2', 'Serve it on two cores, and what it becomes'],
    ['curl 127.0.0.1:15000/clusters', 'Ask the admin port'],
  ])
}

function addAddress(command: Command): Command {
  return command
    .option('--name <service>', 'Service of the gateway in namespace gloo-system', 'gateway-proxy')
    .option('--port <name>', 'name of the Service’s port', 'http')
}

/** One data-plane process, as `sluice up` and `sluice proxy -f` start it; log and drain options are the parent's. */
function addProxyRun(proxy: Command, host: Host): void {
  const command = proxy
    .command('run', { hidden: true })
    .description('Runs one data-plane process; `sluice up` does this by itself.')
    .requiredOption('--socket <path>', 'Unix socket on which the control plane publishes')
    .option('--name <name>', 'name of this proxy', 'proxy-0')
    .option('--reuse-port', 'share the listeners’ ports with other processes')
    .option('--lent-sockets', 'whoever started the process holds its listening sockets')
    .option('--end-with-control', 'end when the link to control ends')
  runs<RunOptions>(command, host, () =>
    Promise.resolve(({ deps, options }) =>
      deps.proxy({
        socket: resolve(deps.cwd, options.socket),
        name: options.name,
        reusePort: options.reusePort === true,
        lentSockets: options.lentSockets === true,
        endsWithControl: options.endWithControl === true,
        drainTimeoutMs: proxy.getOptionValueSource('drainTimeout') === 'default' ? undefined : options.drainTimeout,
        logLevel: options.logLevel,
        logFormat: options.logFormat,
      }),
    ),
  )
}

/** The process between `sluice up` and its proxies: it outlives the former. */
function addProxyKeep(proxy: Command, host: Host): void {
  const command = proxy
    .command('keep', { hidden: true })
    .description('Keeps data-plane processes running; `sluice up` does this by itself.')
    .requiredOption('--dir <folder>', 'folder with the order, the state and the logs')
  runs<LogOptions & { readonly dir: string }>(command, host, () =>
    Promise.resolve(({ deps, options: { dir, logLevel, logFormat } }) =>
      deps.keeper({ folder: resolve(deps.cwd, dir), logLevel, logFormat }),
    ),
  )
}
