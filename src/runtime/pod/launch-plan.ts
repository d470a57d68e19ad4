/** From a container's spec to the program to start: the image's command, the environment, the objects it refers to. */
import { tmpdir } from 'node:os'
import { isReason } from '../../kube/api-error.ts'
import type { KubeClient } from '../../kube/client.ts'
import { objectKey } from '../../kube/object.ts'
import { configMaps } from '../../kinds/config-map.ts'
import type { Pod } from '../../kinds/pod.ts'
import { secrets } from '../../kinds/secret.ts'
import type { ImageCatalogue, ImageCommand } from '../images.ts'
import type { LaunchPlan } from './container-runtime.ts'
import { commandLine, referencedConfig } from './env.ts'
import type { ConfigSources } from './env.ts'
import type { Container } from './types.ts'

/** The image cannot be had: ErrImagePull or InvalidImageName. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
  readonly code: 'ErrImagePull' | 'InvalidImageName'

  constructor(code: ImageError['code'], message: string) {
    super(message)
    this.code = code
  }
}

export interface PlanContext {
  readonly client: KubeClient
  readonly images: ImageCatalogue
  readonly nodeName: string
  readonly hostIp: string
  /** PATH and the like, for every process. */
  readonly baseEnv: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** Throws `ImageError` or `ConfigError` where the container cannot be made as things are. */
export async function planLaunch(
  context: PlanContext,
  pod: Pod,
  container: Container,
  ip: string,
): Promise<LaunchPlan> {
  const { baseEnv, nodeName, hostIp, images } = context
  const image = findImage(images, container)
  const sources = await readSources(context, pod)
  const line = commandLine({ pod, container, image, sources, ip, hostIp, nodeName, base: baseEnv })
  return { image: image.image, command: line.command, env: line.env, workingDir: line.workingDir ?? tmpdir() }
}

function findImage(images: ImageCatalogue, { image = '' }: Container): ImageCommand {
  const found = images.lookup(image)
  switch (found.kind) {
    case 'found':
      return found.command
    case 'invalid-name':
      throw new ImageError('InvalidImageName', found.message)
    case 'unknown':
      throw new ImageError('ErrImagePull', found.message)
  }
}

async function readSources({ client, signal }: PlanContext, pod: Pod): Promise<ConfigSources> {
  const names = referencedConfig(pod.spec)
  const keyOf = (name: string) => objectKey(pod.metadata.namespace, name)
  const configs = names.configMaps.map(async (name) => {
    const object = await orAbsent(client.get(configMaps, keyOf(name), signal))
    return object === undefined ? [] : [[name, object.data ?? {}] as const]
  })
  const hidden = names.secrets.map(async (name) => {
    const object = await orAbsent(client.get(secrets, keyOf(name), signal))
    return object === undefined ? [] : [[name, decodeSecret(object.data ?? {})] as const]
  })
  return {
    configMaps: new Map((await Promise.all(configs)).flat()),
    secrets: new Map((await Promise.all(hidden)).flat()),
  }
}

function decodeSecret(data: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, Buffer.from(value, 'base64').toString('utf8')]),
  )
}

async function orAbsent<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined
    throw error
  }
}
