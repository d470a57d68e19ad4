/** From a command's options to a connection with the API. */
import { stat } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { createHttpClient, type HttpClient } from '../../kube/http-client.ts'
import { loadKubeconfig } from '../../kube/kubeconfig.ts'
import { dataDirOf, type GlobalOptions } from '../command.ts'
import type { CliDeps } from '../deps.ts'

export interface Session extends AsyncDisposable {
  readonly client: HttpClient
  /** The namespace to work in where an object or an option names none. */
  readonly namespace: string
  /** The namespace that the user asked for with -n, if any. */
  readonly askedNamespace: string | undefined
  readonly kubeconfig: string
}

/** Connects; warnings of the server go to standard error, each text once. */
export async function connect(options: GlobalOptions, deps: CliDeps): Promise<Session> {
  const kubeconfig = await kubeconfigPath(options, deps)
  const {
    context: _,
    namespace,
    ...connection
  } = await loadKubeconfig(kubeconfig, options.context === undefined ? {} : { context: options.context })
  const warned = new Set<string>()
  const client = createHttpClient({
    ...connection,
    userAgent: `sluice/${deps.version}`,
    onWarning: (message) => {
      if (!warned.has(message)) deps.stderr.write(`Warning: ${message}\n`)
      warned.add(message)
    },
  })
  return {
    client,
    namespace: options.namespace ?? namespace,
    askedNamespace: options.namespace,
    kubeconfig,
    [Symbol.asyncDispose]: () => {
      client.close()
      return Promise.resolve()
    },
  }
}

/** What the user names beats the environment, and both beat the data directory in the working directory. */
async function kubeconfigPath(options: GlobalOptions, deps: CliDeps): Promise<string> {
  if (options.kubeconfig !== undefined) return absolute(options.kubeconfig, deps)
  const fromEnvironment = deps.env['KUBECONFIG']
  if (options.dataDir === undefined && fromEnvironment !== undefined && fromEnvironment !== '') {
    return absolute(fromEnvironment, deps)
  }
  const path = join(dataDirOf(options, deps), 'kubeconfig')
  const exists = await stat(path).then(
    () => true,
    () => false,
  )
  if (exists) return path
  throw new Error(
    `Cannot find a running Sluice: there is no "${path}". ` +
      'Start one with "sluice up", or name another API with --kubeconfig, $KUBECONFIG or --data-dir.',
  )
}

function absolute(paths: string, { cwd }: CliDeps): string {
  return paths
    .split(delimiter)
    .map((path) => (path === '' || path.startsWith('/') ? path : join(cwd, path)))
    .join(delimiter)
}
