/**
 * The node side of the API: what only the machine that runs a pod can answer. The API server says who asks, what for and in
 * which form; a method that is absent answers 501 with another way to get there.
 */
import type { StreamRequest } from './stream-request.ts'

export interface Kubelet {
  /** The text of a container's log. Rejects with `ApiError` where there is none; ends when `signal` aborts. */
  logs(pod: PodName, options: PodLogOptions, signal: AbortSignal): LogText | Promise<LogText>
  /** Runs a command in a container. These three reject, or accept the stream and resolve once it has ended. */
  exec?(pod: PodName, options: ExecOptions, stream: StreamRequest): Promise<void>
  attach?(pod: PodName, options: AttachOptions, stream: StreamRequest): Promise<void>
  portForward?(pod: PodName, options: PortForwardOptions, stream: StreamRequest): Promise<void>
  /** The kubelet's stats summary (stats/v1alpha1), as JSON. */
  stats?(node: string): Promise<object>
}

type LogText = AsyncIterable<Uint8Array>

export interface PodName {
  readonly namespace: string
  readonly name: string
}

export interface PodLogOptions {
  readonly container?: string
  readonly follow: boolean
  /** Of the container's run before this one. */
  readonly previous: boolean
  readonly tailLines?: number
  readonly sinceSeconds?: number
  /** RFC 3339. */
  readonly sinceTime?: string
  readonly timestamps: boolean
  readonly limitBytes?: number
}

export interface AttachOptions {
  /** Absent: the pod's only one, or its default. */
  readonly container?: string
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

interface ExecOptions extends AttachOptions {
  /** The program and its arguments. */
  readonly command: readonly string[]
}

interface PortForwardOptions {
  readonly ports: readonly number[]
}
