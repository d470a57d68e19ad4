/** `sluice proxy -f` and `sluice proxy schema` */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { messageOf } from '../../base/errors.ts'
import { formatFinding, readRoutingFile, routingFileSchema } from '../../routing/file.ts'
import { type Call, UsageError } from '../command.ts'
import type { LogOptions } from '../deps.ts'
import type { ProxyRunFileOptions } from '../options.ts'

export function printSchema({ deps }: Call<object>): Promise<number> {
  deps.stdout.write(`${JSON.stringify(routingFileSchema(), null, 2)}\n`)
  return Promise.resolve(0)
}

export async function runProxyFile(call: Call<ProxyRunFileOptions & LogOptions>): Promise<number> {
  const { deps, options } = call
  if (options.filename === undefined) throw new UsageError('Cannot tell what to serve: name a routing file with -f')
  const file = resolve(deps.cwd, options.filename)
  if (options.check === true) return checkFile(call, file, options.filename)
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

async function checkFile({ deps }: Call<ProxyRunFileOptions>, file: string, source: string): Promise<number> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new Error(`Cannot read "${source}": ${messageOf(error)}`)
  })
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
