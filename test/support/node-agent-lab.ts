/** A node agent against a real API server, with shell programs as images, for tests of pods as processes. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../src/base/clock.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import type { HttpClient } from '../../src/kube/http-client.ts'
import type { Informers } from '../../src/kube/informers.ts'
import type { ObjectKey } from '../../src/kube/object.ts'
import { objectKey } from '../../src/kube/object.ts'
import { pods } from '../../src/kinds/pod.ts'
import type { Pod } from '../../src/kinds/pod.ts'
import { openImageCatalogue } from '../../src/runtime/images.ts'
import { claimNetwork } from '../../src/runtime/network.ts'
import type { PodNetwork } from '../../src/runtime/network.ts'
import { startNodeAgent } from '../../src/runtime/node-agent.ts'
import type { NodeAgent } from '../../src/runtime/node-agent.ts'
import { identityOf, isRunning } from '../../src/base/process-identity.ts'
import type { ApiLab } from './api-lab.ts'

export interface RunningAgent {
  readonly agent: NodeAgent
  readonly network: PodNetwork
  /** The user's image catalogue of this agent: may be overwritten. */
  readonly imagesFile: string
  /** Stops the pods and the agent. */
  close(): Promise<void>
}

export interface AgentOptions {
  readonly client: HttpClient
  readonly informers: Informers
  readonly dataDir: string
  readonly claimsDir: string
  readonly clock?: Clock
  readonly nodeName?: string
  readonly untilDrained?: (address: string, signal: AbortSignal) => Promise<void>
}

/** `sh` runs its first argument as a script. */
export const CATALOGUE = 'images:\n  - { image: test/sh, entrypoint: [sh, -c] }\n'

export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const { dataDir, claimsDir, clock = systemClock } = options
  mkdirSync(dataDir, { recursive: true })
  const imagesFile = join(dataDir, 'images.yaml')
  if (!existsSync(imagesFile)) writeFileSync(imagesFile, CATALOGUE)
  const network = await claimNetwork({ dataDir, claimsDir, clock: systemClock })
  const stop = new AbortController()
  const agent = await startNodeAgent({
    untilDrained: () => Promise.resolve(),
    random: systemRandom,
    log: silentLog,
    ...options,
    clock,
    network,
    images: openImageCatalogue({ files: [imagesFile], cacheDir: join(dataDir, 'cache') }),
    signal: stop.signal,
  })
  return {
    agent,
    network,
    imagesFile,
    async close() {
      await agent.stopAll()
      stop.abort()
      await agent.closed
    },
  }
}

/** Creates a pod in `default`. */
export async function createPod(lab: ApiLab, name: string, spec: Pod['spec']): Promise<ObjectKey> {
  await lab.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec })
  return objectKey('default', name)
}

/** A pod of one container that runs a shell script. */
export function script(text: string, more: Partial<Pod['spec']['containers'][number]> = {}): Pod['spec'] {
  return { containers: [{ name: 'main', image: 'test/sh', args: [text], ...more }] }
}

export function isReady(pod: Pod | undefined): boolean {
  return pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
}

/** The process of the pod's only container. */
export function pidOf(pod: Pod | undefined): number {
  return Number(/^process:\/\/(\d+)-/.exec(pod?.status?.containerStatuses?.[0]?.containerID ?? '')?.[1])
}

/** The dead that nobody has buried yet do not count. */
export function isAlive(pid: number): boolean {
  const identity = identityOf(pid)
  return identity !== undefined && isRunning(identity)
}

/** Waits for a state that nothing announces. */
export async function untilTrue(holds: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(GIVE_UP_AFTER_MS)
  while (!holds()) {
    signal.throwIfAborted()
    await new Promise((resolve) => {
      setTimeout(resolve, 5)
    })
  }
}

export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts).toString()
}

const GIVE_UP_AFTER_MS = 20_000
