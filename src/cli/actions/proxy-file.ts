/** `sluice proxy -f` and `sluice proxy schema` */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { formatFinding, readRoutingFile, routingFileSchema } from '../../routing/file.ts'
import { type Call, UsageError } from '../command.ts'
import type { CliDeps, LogOptions } from '../deps.ts'
import { readSources } from '../manifest/sources.ts'
import type { ProxyRunFileOptions } from '../options.ts'

export function printSchema({ deps }: Call<object>): Promise<number> {
  deps.stdout.write(`${JSON.stringify(routingFileSchema(), null, 2)}\n`)
  return Promise.resolve(0)
}

export async function runProxyFile(call: Call<ProxyRunFileOptions & LogOptions>): Promise<number> {
  const { deps, options } = call
  if (options.filename === undefined) throw new UsageError('Cannot tell what to serve: name a routing file with -f')
  const file = resolve(deps.cwd, options.filename)
  await refuseDirectory(file, options.filename)
  if (options.check === true) return checkFile(call, options.filename)
  if (options.filename === '-')
    throw new UsageError('Cannot serve from standard input: name a file with -f; only --check reads "-"')
  return deps.proxyFile({
    file,
    source: options.filename,
    watch: options.watch === true,
    workers: options.workers,
    adminAddress: options.adminAddress,
    adminPort: options.adminPort,
    drainTimeoutMs: options.drainTimeout,
    logLevel: options.logLevel,
    logFormat: options.logFormat,
  })
}

async function refuseDirectory(file: string, source: string): Promise<void> {
  // A path that does not exist is told by whoever reads it.
  const found = await stat(file).catch(() => undefined)
  if (found?.isDirectory() !== true) return
  throw new UsageError(`Cannot read "${source}": it is a directory. Name one routing file in it, YAML or JSON.`)
}

async function checkFile({ deps }: Call<ProxyRunFileOptions>, source: string): Promise<number> {
  const { texts, failures } = await readSources([source], false, deps)
  const [read] = texts
  if (read === undefined) throw new Error(failures[0]?.message)
  return tellFindings(deps, source, read.text)
}

function tellFindings(deps: CliDeps, source: string, text: string): number {
  const { snapshot, findings } = readRoutingFile(text)
  for (const finding of findings) deps.stderr.write(`${formatFinding(finding, source)}\n`)
  if (snapshot === undefined) return 1
  const listeners = snapshot.listeners.length + (snapshot.tcpListeners ?? []).length
  deps.stdout.write(`${source}: ${tally(listeners, 'listener')}, `)
  deps.stdout.write(
    `${tally(snapshot.routeTables.length, 'route table')}, ${tally(snapshot.clusters.length, 'cluster')}\n`,
  )
  return 0
}

function tally(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
