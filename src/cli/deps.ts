/** What the commands need from the outside, and the orders that the composition root carries out for them. */
import type { Clock } from '../base/clock.ts'
import type { LogLevel } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { HttpPolicy } from '../routing/listener-model.ts'

/** A stream for people; `isTTY`, `columns` and `rows` as Node's terminals have them. */
export type Output = NodeJS.WritableStream & {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

export interface CliDeps {
  readonly version: string
  readonly stdout: Output
  readonly stderr: Output
  readonly stdin: NodeJS.ReadableStream
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly clock: Clock
  readonly random: Random
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal
  /** Runs the control plane until the signal aborts; resolves with the exit code. */
  readonly up: (options: UpOptions) => Promise<number>
  /** Ends what runs of a data directory; resolves with the exit code. */
  readonly down: (options: DownOptions) => Promise<number>
  /** Runs one data-plane process until the signal aborts; resolves with the exit code. */
  readonly proxy: (options: ProxyOptions) => Promise<number>
  /** Keeps the data-plane processes of `up` running until the signal aborts; resolves with the exit code. */
  readonly keeper: (options: KeeperOptions) => Promise<number>
  /** Runs a data plane alone, from a file, until the signal aborts or it is drained; resolves with the exit code. */
  readonly proxyFile: (options: ProxyFileOptions) => Promise<number>
  /** How to start this same program as a child: executable first, then its arguments. */
  readonly selfCommand: readonly string[]
}

export interface LogOptions {
  readonly logLevel: LogLevel
  readonly logFormat: 'text' | 'json'
}

export interface UpOptions extends LogOptions {
  /** Absolute. */
  readonly dataDir: string
  readonly apiAddress: string
  /** 0: any free port, as for the gateway. */
  readonly apiPort: number
  readonly gatewayAddress: string
  readonly gatewayPort: number
  /** Processes that share the gateway's port. */
  readonly proxies: number
  /** Absolute path of a file that adds to the image catalogue. */
  readonly imagesFile: string | undefined
  /** What the gateway tells of its requests. */
  readonly telling: Pick<HttpPolicy, 'accessLog' | 'tracing'>
  readonly output: 'text' | 'json'
}

export interface DownOptions {
  /** Absolute. */
  readonly dataDir: string
}

/** One data-plane process, started by `up` and never typed by people. */
export interface ProxyOptions extends LogOptions {
  /** Absolute path of the Unix socket on which the control plane publishes. */
  readonly socket: string
  readonly name: string
  /** Several proxies share the listeners' ports. */
  readonly reusePort: boolean
  /** Whoever started it holds its listening sockets. */
  readonly lentSockets: boolean
  /** Whether it ends when the link to control does; otherwise it serves on. */
  readonly endsWithControl: boolean
  readonly drainTimeoutMs: number | undefined
}

/** The process that keeps the proxies of `up`. */
export interface KeeperOptions extends LogOptions {
  /** Absolute path of the folder with its order. */
  readonly folder: string
}

/** A data plane alone. */
export interface ProxyFileOptions extends LogOptions {
  /** Absolute path of the routing file. */
  readonly file: string
  /** The file as the user named it. */
  readonly source: string
  /** Whether changes of the file are taken over. */
  readonly watch: boolean
  readonly workers: number
  readonly adminAddress: string
  /** 0: any free port. */
  readonly adminPort: number
  readonly drainTimeoutMs: number
}

/** The one line that `sluice up -o json` prints once everything answers. */
export interface ReadyReport {
  readonly ready: true
  /** `https://127.0.0.1:6443` */
  readonly api: string
  /** `http://127.0.0.1:8080` */
  readonly gateway: string
  /** Absolute path. */
  readonly kubeconfig: string
  readonly dataDir: string
  readonly pid: number
}
