/** From a kubeconfig, as kubectl reads it, to the options of `createHttpClient`. */
import { readFile } from 'node:fs/promises'
import { delimiter, dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import { hostPort } from '../base/host-port.ts'
import { codeOf, messageOf } from '../base/errors.ts'
import { fileProblem } from '../base/file-problem.ts'
import type { ConnectionOptions } from './http-client.ts'

const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount'

export interface KubeConnection extends ConnectionOptions {
  /** The context's namespace; `default` where it names none. */
  readonly namespace: string
  /** The context that was chosen. */
  readonly context: string
}

export interface KubeconfigOptions {
  /** Instead of the file's `current-context`. */
  readonly context?: string
}

interface Named {
  readonly name?: unknown
}
interface ContextEntry extends Named {
  readonly context?: { readonly cluster?: string; readonly user?: string; readonly namespace?: string }
}
interface ClusterEntry extends Named {
  readonly cluster?: Readonly<Record<string, unknown>>
}
interface UserEntry extends Named {
  readonly user?: Readonly<Record<string, unknown>>
}

/** A kubeconfig with file names made absolute. Of several entries with one name the first counts. */
interface Kubeconfig {
  readonly currentContext: string
  readonly contexts: readonly ContextEntry[]
  readonly clusters: readonly ClusterEntry[]
  readonly users: readonly UserEntry[]
}

/**
 * Reads the file, or several in the form of $KUBECONFIG (`a:b`; the first to name a thing wins; files that do not
 * exist are passed over as long as one does), and the files it refers to.
 */
export async function loadKubeconfig(paths: string, options: KubeconfigOptions = {}): Promise<KubeConnection> {
  const files = await Promise.all(
    paths
      .split(delimiter)
      .filter((path) => path !== '')
      .map((path) => readConfig(resolve(path))),
  )
  const found = files.filter((file) => file !== undefined)
  if (found.length === 0) throw new Error(`Cannot read the kubeconfig "${paths}": there is no such file`)
  return connectionOf(merge(found), paths, options)
}

/** The connection that a kubeconfig's text describes. `path` names it in errors and is where relative paths start. */
export async function parseKubeconfig(
  text: string,
  path: string,
  options: KubeconfigOptions = {},
): Promise<KubeConnection> {
  return connectionOf(decode(text, path), path, options)
}

/** The connection of a pod to the cluster it runs in; undefined outside of one. */
export async function inClusterConnection(
  env: Readonly<Record<string, string | undefined>>,
  directory = SERVICE_ACCOUNT_DIRECTORY,
): Promise<KubeConnection | undefined> {
  const host = env['KUBERNETES_SERVICE_HOST']
  const port = env['KUBERNETES_SERVICE_PORT']
  if (host === undefined || port === undefined) return undefined
  const read = (name: string): Promise<string> => readFile(resolve(directory, name), 'utf8')
  const [ca, namespace] = await Promise.all([read('ca.crt'), read('namespace')])
  return {
    server: `https://${hostPort(host, port)}`,
    ca,
    tokenFile: resolve(directory, 'token'),
    namespace: namespace.trim(),
    context: 'in-cluster',
  }
}

async function readConfig(path: string): Promise<Kubeconfig | undefined> {
  try {
    return decode(await readFile(path, 'utf8'), path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    if (codeOf(error) === undefined) throw error
    throw new Error(`Cannot read the kubeconfig "${path}": ${fileProblem(error)}`, { cause: error })
  }
}

function decode(text: string, path: string): Kubeconfig {
  const value = parsed(text, path)
  if (typeof value !== 'object' || value === null) {
    throw new Error(`Cannot read the kubeconfig "${path}": it is not a YAML mapping`)
  }
  const config = value as Readonly<Record<string, unknown>>
  const directory = dirname(resolve(path))
  return {
    currentContext: textOf(config['current-context']) ?? '',
    contexts: entriesOf(config, 'contexts', path),
    clusters: entriesOf(config, 'clusters', path).map((entry: ClusterEntry) => ({
      ...entry,
      cluster: withPaths(entry.cluster, directory),
    })),
    users: entriesOf(config, 'users', path).map((entry: UserEntry) => ({
      ...entry,
      user: withPaths(entry.user, directory),
    })),
  }
}

function entriesOf(config: Readonly<Record<string, unknown>>, field: string, path: string): readonly Named[] {
  const entries = config[field] ?? []
  const isList = Array.isArray(entries) && entries.every((entry) => typeof entry === 'object' && entry !== null)
  if (!isList) throw new Error(`Cannot read the kubeconfig "${path}": ${field} is not a list of entries`)
  return entries as readonly Named[]
}

function parsed(text: string, path: string): unknown {
  try {
    return parse(text) as unknown
  } catch (cause) {
    // The first line says what and where; the ones below it show that place.
    const [why = ''] = messageOf(cause).split(/:?\n/)
    throw new Error(`Cannot read the kubeconfig "${path}": ${why}`, { cause })
  }
}

const FILE_FIELDS = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile']

/** Relative file names are relative to the kubeconfig that holds them. */
function withPaths(
  fields: Readonly<Record<string, unknown>> | undefined,
  directory: string,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(fields ?? {}).map(([name, value]) =>
      FILE_FIELDS.includes(name) && typeof value === 'string' && value !== ''
        ? [name, resolve(directory, value)]
        : [name, value],
    ),
  )
}

function merge(files: readonly Kubeconfig[]): Kubeconfig {
  return {
    currentContext: files.find((file) => file.currentContext !== '')?.currentContext ?? '',
    contexts: files.flatMap((file) => file.contexts),
    clusters: files.flatMap((file) => file.clusters),
    users: files.flatMap((file) => file.users),
  }
}

async function connectionOf(config: Kubeconfig, path: string, options: KubeconfigOptions): Promise<KubeConnection> {
  const name = options.context ?? config.currentContext
  if (name === '') {
    throw new Error(`Cannot use the kubeconfig "${path}": it has no current-context. Choose a context`)
  }
  const context = find(config.contexts, { what: 'context', name, path }).context ?? {}
  const cluster =
    find(config.clusters, { what: 'cluster', name: context.cluster ?? '', path, context: name }).cluster ?? {}
  const user =
    context.user === undefined || context.user === ''
      ? {}
      : (find(config.users, { what: 'user', name: context.user, path, context: name }).user ?? {})
  return {
    ...(await clusterOptions(cluster, path)),
    ...(await userOptions(user, `${path}: user ${context.user ?? ''}`)),
    namespace: textOf(context.namespace) ?? 'default',
    context: name,
  }
}

function find<T extends Named>(
  entries: readonly T[],
  { what, name, path, context }: { what: string; name: string; path: string; context?: string },
): T {
  const entry = entries.find((candidate) => candidate.name === name)
  if (entry !== undefined) return entry
  const by = context === undefined ? '' : `, which context "${context}" refers to`
  const known = entries.map((candidate) => String(candidate.name)).join(', ')
  throw new Error(`Cannot use the kubeconfig "${path}": it has no ${what} "${name}"${by}. It has: ${known || 'none'}`)
}

async function clusterOptions(cluster: Readonly<Record<string, unknown>>, path: string): Promise<ConnectionOptions> {
  const server = textOf(cluster['server'])
  if (server === undefined) throw new Error(`Cannot use the kubeconfig "${path}": the cluster names no server`)
  const ca = await pem(cluster, 'certificate-authority')
  const tlsServerName = textOf(cluster['tls-server-name'])
  return {
    server,
    ...(ca === undefined ? {} : { ca }),
    ...(tlsServerName === undefined ? {} : { tlsServerName }),
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecureSkipTlsVerify: true } : {}),
  }
}

async function userOptions(
  user: Readonly<Record<string, unknown>>,
  where: string,
): Promise<Omit<ConnectionOptions, 'server'>> {
  for (const way of ['exec', 'auth-provider']) {
    if (user[way] === undefined || user[way] === null) continue
    throw new Error(
      `Cannot log in as "${where}": credentials by "${way}" are not supported yet. ` +
        'Use a token or a client certificate (for example of a service account)',
    )
  }
  const [clientCertificate, clientKey] = await Promise.all([pem(user, 'client-certificate'), pem(user, 'client-key')])
  const found = {
    clientCertificate,
    clientKey,
    token: textOf(user['token']),
    // A token beats a token file, as in client-go.
    tokenFile: textOf(user['token']) === undefined ? textOf(user['tokenFile']) : undefined,
    username: textOf(user['username']),
    password: textOf(user['password']),
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}

/** A PEM text from `<field>-data` (base64), or else from the file named by `<field>`. */
async function pem(fields: Readonly<Record<string, unknown>>, field: string): Promise<string | undefined> {
  const data = textOf(fields[`${field}-data`])
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8')
  const path = textOf(fields[field])
  if (path === undefined) return undefined
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new Error(`Cannot read the ${field} "${path}": ${fileProblem(cause)}`, { cause })
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
