/**
 * A container's environment and command line, from its spec, its image and the objects it refers to. Pure.
 * Order and `$(VAR)` rules: Kubernetes (pkg/kubelet/kubelet_pods.go): envFrom, then env, later ones win, and a value
 * may refer to what was defined before it.
 */
import type { Pod } from '../../kinds/pod.ts'
import type { ImageCommand } from '../images.ts'
import { expand } from './expand.ts'
import type { Container, EnvFromSource, EnvVar, PodSpec } from './types.ts'

type Values = Readonly<Record<string, string>>

/** The ConfigMaps and Secrets a container refers to, read beforehand; absent ones do not exist. */
export interface ConfigSources {
  readonly configMaps: ReadonlyMap<string, Values>
  readonly secrets: ReadonlyMap<string, Values>
}

export interface EnvInput {
  readonly pod: Pod
  readonly container: Container
  readonly image: ImageCommand
  readonly sources: ConfigSources
  readonly ip: string
  readonly hostIp: string
  readonly nodeName: string
  /** What every process on this machine needs: PATH, HOME, LANG, … */
  readonly base: Values
}

/** The container cannot be made from its spec as things are now: CreateContainerConfigError. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'CreateContainerConfigError'
}

export interface CommandLine {
  readonly command: readonly string[]
  readonly env: Values
  readonly workingDir: string | undefined
}

export function commandLine(input: EnvInput): CommandLine {
  const { container, image } = input
  const env = environment(input)
  const words = (list: readonly string[] | undefined): readonly string[] =>
    (list ?? []).map((word) => expand(word, env))
  const ownCommand = (container.command?.length ?? 0) > 0
  const ownArgs = (container.args?.length ?? 0) > 0
  const entrypoint = ownCommand ? inImage(words(container.command), image) : words(image.entrypoint)
  const args = ownArgs ? words(container.args) : ownCommand ? [] : words(image.args)
  const command = entrypoint.length === 0 ? inImage(args, image) : [...entrypoint, ...args]
  if (command.length === 0) throw new ConfigError(`No command specified: the image "${image.image}" has none either`)
  return { command, env, workingDir: container.workingDir ?? image.workingDir }
}

/** A program that lies inside the real image is replaced by what stands for it. */
function inImage(command: readonly string[], { programs }: ImageCommand): readonly string[] {
  const [program = '', ...rest] = command
  const standIn = Object.hasOwn(programs, program) ? programs[program] : undefined
  return standIn === undefined ? command : [...standIn, ...rest]
}

function environment(input: EnvInput): Values {
  const { base, image, container } = input
  const env: Record<string, string> = { ...base, ...image.env, ...identityEnv(input) }
  for (const source of container.envFrom ?? []) Object.assign(env, fromSource(source, input))
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, env, input)
    if (value !== undefined) env[variable.name] = value
  }
  return env
}

/** What the pod is told about itself, so that it can bind its own address. The manifest may say otherwise. */
function identityEnv({ pod, container, ip, nodeName }: EnvInput): Values {
  const name = pod.metadata.name ?? ''
  const port = container.ports?.[0]?.containerPort
  return {
    POD_IP: ip,
    POD_NAME: name,
    POD_NAMESPACE: pod.metadata.namespace ?? '',
    NODE_NAME: nodeName,
    HOST: ip,
    HOSTNAME: pod.spec?.hostname ?? name,
    ...(port === undefined ? {} : { PORT: String(port) }),
  }
}

function fromSource({ prefix = '', configMapRef, secretRef }: EnvFromSource, { pod, sources }: EnvInput): Values {
  const namespace = pod.metadata.namespace ?? ''
  const all: Record<string, string> = {}
  if (configMapRef !== undefined) {
    Object.assign(all, wholeSource('configmap', sources.configMaps, configMapRef, namespace))
  }
  if (secretRef !== undefined) Object.assign(all, wholeSource('secret', sources.secrets, secretRef, namespace))
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [`${prefix}${name}`, value]))
}

interface SourceReference {
  readonly name?: string
  readonly optional?: boolean
}

function wholeSource(
  kind: string,
  sources: ReadonlyMap<string, Values>,
  { name = '', optional }: SourceReference,
  namespace: string,
): Values {
  const values = sources.get(name)
  if (values !== undefined) return values
  if (optional === true) return {}
  throw new ConfigError(`${kind} "${name}" not found in namespace "${namespace}"`)
}

function valueOf(variable: EnvVar, env: Values, input: EnvInput): string | undefined {
  const from = variable.valueFrom
  if (from === undefined) return expand(variable.value ?? '', env)
  if (from.fieldRef !== undefined) return fieldValue(variable.name, from.fieldRef.fieldPath, input)
  if (from.configMapKeyRef !== undefined) return keyValue('ConfigMap', from.configMapKeyRef, input)
  if (from.secretKeyRef !== undefined) return keyValue('Secret', from.secretKeyRef, input)
  throw new ConfigError(
    `Cannot set the variable "${variable.name}": ${Object.keys(from).join(', ')} is not supported for local processes; ` +
      'use value, fieldRef, configMapKeyRef or secretKeyRef',
  )
}

function keyValue(
  kind: 'ConfigMap' | 'Secret',
  { name = '', key, optional }: SourceReference & { readonly key: string },
  { pod, sources }: EnvInput,
): string | undefined {
  const namespace = pod.metadata.namespace ?? ''
  const values = (kind === 'ConfigMap' ? sources.configMaps : sources.secrets).get(name)
  const value = values !== undefined && Object.hasOwn(values, key) ? values[key] : undefined
  if (value !== undefined) return value
  if (optional === true) return undefined
  if (values === undefined)
    throw new ConfigError(`${kind.toLowerCase()} "${name}" not found in namespace "${namespace}"`)
  throw new ConfigError(`couldn't find key ${key} in ${kind} ${namespace}/${name}`)
}

function fieldValue(variable: string, path: string, { pod, ip, hostIp, nodeName }: EnvInput): string {
  const subscript = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path)
  if (subscript !== null) {
    const entries = subscript[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations
    return entries?.[subscript[2] ?? ''] ?? ''
  }
  const fields: Values = {
    'metadata.name': pod.metadata.name ?? '',
    'metadata.namespace': pod.metadata.namespace ?? '',
    'metadata.uid': pod.metadata.uid ?? '',
    'spec.nodeName': nodeName,
    'spec.serviceAccountName': pod.spec?.serviceAccountName ?? 'default',
    'status.podIP': ip,
    'status.podIPs': ip,
    'status.hostIP': hostIp,
    'status.hostIPs': hostIp,
  }
  const value = fields[path]
  if (value === undefined) throw new ConfigError(`Cannot set the variable "${variable}": unknown field path "${path}"`)
  return value
}

/** The names of the ConfigMaps and Secrets that the pod's containers refer to. */
export function referencedConfig(spec: PodSpec): {
  readonly configMaps: readonly string[]
  readonly secrets: readonly string[]
} {
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  const froms = containers.flatMap((container) => container.envFrom ?? [])
  const values = containers.flatMap((container) => (container.env ?? []).map((variable) => variable.valueFrom))
  return {
    configMaps: names([...froms.map((from) => from.configMapRef), ...values.map((from) => from?.configMapKeyRef)]),
    secrets: names([...froms.map((from) => from.secretRef), ...values.map((from) => from?.secretKeyRef)]),
  }
}

function names(references: readonly ({ readonly name?: string } | undefined)[]): readonly string[] {
  return [...new Set(references.flatMap((reference) => (reference?.name === undefined ? [] : [reference.name])))]
}
