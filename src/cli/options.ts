/** The options of each command, as its definition parses them and its action gets them. */

export interface ApplyOptions {
  readonly filename: readonly string[]
  readonly recursive?: boolean
  readonly dryRun?: boolean
}

export interface DeleteOptions {
  readonly filename?: readonly string[]
  readonly recursive?: boolean
  readonly selector?: string
  readonly all?: boolean
  readonly allNamespaces?: boolean
  readonly ignoreNotFound?: boolean
  readonly wait: boolean
  readonly timeout?: number
  readonly gracePeriod?: number
  readonly now?: boolean
  readonly force?: boolean
  readonly cascade: 'background' | 'foreground' | 'orphan'
  readonly output?: 'name'
}

export interface DemoOptions {
  readonly once?: boolean
  readonly keep?: boolean
}

export interface DescribeOptions {
  readonly allNamespaces?: boolean
}

export interface EventsOptions {
  readonly allNamespaces?: boolean
  readonly watch?: boolean
}

export interface ExplainOptions {
  readonly request: string
  readonly header: readonly string[]
  readonly listener?: string
  readonly from?: string
  readonly admin?: string
  readonly filename?: string
  readonly live?: boolean
  readonly output?: 'json' | 'yaml'
}

export interface GetOptions {
  readonly allNamespaces?: boolean
  readonly selector?: string
  readonly fieldSelector?: string
  /** One of `OBJECT_FORMATS`, with what follows its `=`. */
  readonly output?: string
  readonly watch?: boolean
  readonly ignoreNotFound?: boolean
  readonly headers: boolean
  readonly showLabels?: boolean
}

export interface LogsOptions {
  readonly follow?: boolean
  readonly container?: string
  readonly tail?: number
  readonly previous?: boolean
  readonly timestamps?: boolean
}

export interface ProxyAddressOptions {
  readonly name: string
  readonly port: string
}

export interface ProxyRunFileOptions {
  readonly filename?: string
  readonly check?: boolean
  readonly watch?: boolean
  readonly workers: number
  readonly adminAddress: string
  readonly adminPort: number
  readonly drainTimeout: number
}

export interface ReleaseGetOptions {
  readonly allNamespaces?: boolean
  readonly output?: string
}

export interface ReleaseStatusOptions {
  readonly watch?: boolean
  readonly timeout?: number
  readonly output?: 'json'
}

export interface ReleaseApproveOptions {
  readonly step?: string
}

export interface ReleaseAbortOptions {
  readonly reason?: string
}

export interface ReleaseRetryOptions {
  readonly reason?: string
}

export interface ReleasePromoteOptions {
  readonly full?: boolean
}

export interface ReleaseUndoOptions {
  readonly output?: 'yaml'
}

export interface StatusOptions {
  readonly output?: 'json'
}

export interface VersionOptions {
  readonly client?: boolean
  readonly output?: 'json' | 'yaml'
}
