/**
 * The node agent: runs the pods that the API knows as processes on this machine, the only node. Everything it knows
 * is in the API and in the data directory, so it may be killed at any time: the next one takes the processes over.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Informers } from '../kube/informers.ts'
import { pods } from '../kinds/pod.ts'
import { services } from '../kinds/service.ts'
import { PodAgent } from './agent/pod-agent.ts'
import type { ImageCatalogue } from './images.ts'
import type { PodLogOptions } from './logs/options.ts'
import type { PodNetwork } from './network.ts'

export interface NodeAgentOptions {
  readonly client: KubeClient
  readonly informers: Informers
  /** Absolute. Pods live under `<dataDir>/pods`. */
  readonly dataDir: string
  readonly network: PodNetwork
  readonly images: ImageCatalogue
  /** Resolves once no data plane sends anything to the address any more. The pod's grace period bounds the wait. */
  readonly untilDrained: (address: string, signal: AbortSignal) => Promise<void>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Ends the agent; the processes live on. */
  readonly signal: AbortSignal
  /** `sluice` when absent: a host name may change, and pods stay bound to their node. */
  readonly nodeName?: string
  /** Where the processes' PATH, HOME, … come from: `process.env` when absent. Nothing else of it is passed on. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

export interface NodeAgent {
  readonly nodeName: string
  /** Stops every pod gracefully, within five seconds in total, and then the agent. */
  stopAll(): Promise<void>
  /**
   * A container's output. Throws `ApiError` at once (BadRequest, NotFound) when there is none; ends when `signal`
   * aborts or, with `follow`, when the container has ended and everything was read.
   */
  logs(namespace: string, pod: string, options: PodLogOptions, signal: AbortSignal): AsyncIterable<Uint8Array>
  /** Resolves once the agent does nothing any more. */
  readonly closed: Promise<void>
}

const NODE_NAME = 'sluice'
/** Pods on this machine reach it here. */
const HOST_IP = '127.0.0.1'
/** What a program needs to know about the machine and its user; nothing here is a secret of ours. */
const PASSED_ON = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR']
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Takes over what an earlier run left, then keeps the machine's pods as the API wants them. */
export async function startNodeAgent(options: NodeAgentOptions): Promise<NodeAgent> {
  const { informers, dataDir, environment = process.env, nodeName = NODE_NAME } = options
  const podsDir = join(dataDir, 'pods')
  mkdirSync(podsDir, { recursive: true, mode: 0o700 })
  const baseEnv = baseEnvironment(environment)
  const informer = informers.of(pods)
  const known = informers.of(services)
  const servicesOf = (namespace: string) => known.list(namespace)
  const agent = new PodAgent({ ...options, informer, servicesOf, podsDir, nodeName, hostIp: HOST_IP, baseEnv })
  await Promise.all([informer.synced, known.synced])
  await agent.start()
  return {
    nodeName,
    stopAll: () => agent.stopAll(),
    logs: (namespace, pod, logOptions, signal) => agent.logs({ namespace, pod }, logOptions, signal),
    closed: agent.closed,
  }
}

function baseEnvironment(environment: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const passed = PASSED_ON.flatMap((name) => {
    const value = environment[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { PATH: DEFAULT_PATH, ...Object.fromEntries(passed) }
}
