/** `sluice version` */
import { connect } from '../api/connect.ts'
import type { Call } from '../command.ts'
import type { VersionOptions } from '../options.ts'

interface ServerVersion {
  readonly gitVersion?: string
}

export async function version({ deps, options }: Call<VersionOptions>): Promise<number> {
  const client = { version: deps.version, node: process.version, platform: `${process.platform}/${process.arch}` }
  const found = options.client === true ? undefined : await readServer({ deps, options })
  if (options.output === undefined) {
    deps.stdout.write(`Client Version: v${client.version} (Node ${client.node}, ${client.platform})\n`)
    if (found?.server !== undefined) deps.stdout.write(`Server Version: ${found.server.gitVersion ?? 'unknown'}\n`)
  } else {
    const { toJson, toYaml } = await import('../output/serialize.ts')
    const value = { clientVersion: client, ...(found?.server === undefined ? {} : { serverVersion: found.server }) }
    deps.stdout.write(options.output === 'json' ? toJson(value) : toYaml(value))
  }
  if (found?.error === undefined) return 0
  const { describeError } = await import('../output/describe-error.ts')
  deps.stderr.write(`${describeError(found.error)}\n`)
  return 1
}

/** The client's version is worth printing even where no server answers. */
async function readServer(
  call: Omit<Call<VersionOptions>, 'args'>,
): Promise<{ readonly server?: ServerVersion; readonly error?: unknown }> {
  try {
    await using session = await connect(call.options, call.deps)
    return { server: (await session.client.json('/version')) as ServerVersion }
  } catch (error) {
    return { error }
  }
}
