/** The embedded Kubernetes API server: storage, verbs, discovery and HTTPS in one long-lived thing. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { codeOf, messageOf } from '../base/errors.ts'
import { ApiError } from '../kube/api-error.ts'
import type { Log } from '../base/log.ts'
import { TLS_POLICY, endRenegotiations } from '../base/tls-policy.ts'
import { ensureToken } from '../base/token-file.ts'
import type { Random } from '../base/random.ts'
import { ensureCertificates } from './certificates.ts'
import type { ServingCertificate } from './certificates.ts'
import { lockDataDir } from './data-dir-lock.ts'
import type { DataDirLock } from './data-dir-lock.ts'
import { Served } from './discovery/served.ts'
import type { Kinds } from './discovery/served.ts'
import { authenticator } from './http/authenticate.ts'
import { administratorMayAll } from './http/authorize.ts'
import type { Authorizer } from './http/authorize.ts'
import type { Kubelet } from './http/kubelet.ts'
import type { OwnPaths } from './http/own-surface.ts'
import { requestHandler } from './http/request-handler.ts'
import { RequestMetrics } from './http/request-metrics.ts'
import { upgradeListener } from './http/upgrades.ts'
import type { Upgrade } from './http/upgrades.ts'
import { kubeconfigText } from './kubeconfig-text.ts'
import { versionDocument } from './http/version.ts'
import type { VersionInfo } from './http/version.ts'
import type { Watch } from './read/watch.ts'
import { ensureNamespaces } from './registry/boot-namespaces.ts'
import type { ApiContext } from './registry/context.ts'
import { startExpiry } from './registry/expiry.ts'
import { serviceAddresses } from './registry/service-addresses.ts'
import { LogDatabase } from './storage/log-database.ts'
import { Store } from './storage/store.ts'

export interface ApiServerOptions {
  /** Holds the store, the certificates, the token and the lock; made when missing. */
  readonly dataDir: string
  /** A lock on `dataDir` that the caller holds and releases; without it the server takes one for its own lifetime. */
  readonly lock?: DataDirLock
  readonly address: string
  /** 0 = any free port. */
  readonly port: number
  /** What is served; as a watched value it may change while the server runs. */
  readonly kinds: Kinds
  /** Namespaces that are there from the beginning, besides Kubernetes' own. */
  readonly namespaces?: readonly string[]
  /** Where ClusterIPs come from: an IPv4 network such as `127.20.128.0/17`. */
  readonly serviceNetwork: string
  readonly version: VersionInfo
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Who may do what; without it the administrator may do everything. */
  readonly authorizer?: Authorizer
  /** Metrics of other parts for `/metrics`, in Prometheus' text format, whole lines in each part. */
  readonly metrics?: () => Iterable<string>
  /** Whoever runs the pods; without it logs answer 503. */
  readonly kubelet?: Kubelet
  /** Sluice's own surface beside the Kubernetes API. */
  readonly ownPaths?: OwnPaths
  /** Aborting stops the server. */
  readonly signal?: AbortSignal
}

export interface ApiServer {
  /** `https://127.0.0.1:6443` */
  readonly url: string
  readonly port: number
  /** PEM of the authority that issued the serving certificate. */
  readonly ca: string
  readonly adminToken: string
  /** A kubeconfig with all of the above, as YAML. */
  kubeconfig(): string
  /** Ends watches, lets requests finish, closes the store. Idempotent; resolves as `closed` does. */
  stop(): Promise<void>
  /** Resolves once everything is stopped; rejects when the storage failed, which nothing survives. */
  readonly closed: Promise<void>
}

/** Requests that are still being answered this long after `stop` are cut off. */
const STOP_GRACE_MS = 2_000
/** For a client to send its whole request; answers, watches among them, may take as long as they take. */
const REQUEST_RECEIVE_TIMEOUT_MS = 60_000
const KEEP_ALIVE_TIMEOUT_MS = 60_000

/**
 * Starts the server on `dataDir`. Rejects when the directory is in use, the port is taken or the store cannot be read.
 */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const lock = options.lock ?? lockDataDir(options.dataDir)
  const release = options.lock === undefined ? (): void => lock.release() : (): void => {}
  try {
    const { dataDir, address, clock } = options
    const certificates = await ensureCertificates({ directory: join(dataDir, 'tls'), address, clock })
    const server = new RunningServer(options, certificates, release)
    await server.listen()
    return server
  } catch (error) {
    release()
    throw error
  }
}

class RunningServer implements ApiServer {
  readonly ca: string
  readonly adminToken: string
  readonly closed: Promise<void>
  readonly #options: ApiServerOptions
  readonly #releaseLock: () => void
  readonly #served: Served
  readonly #context: ApiContext
  readonly #server: Server
  readonly #watches = new Set<Watch>()
  #stopExpiry: () => void = () => {}
  readonly #stopping = new AbortController()
  readonly #finish = Promise.withResolvers<void>()
  #failure: Error | undefined
  #address = ''
  #port = 0

  constructor(options: ApiServerOptions, certificates: ServingCertificate, releaseLock: () => void) {
    this.#options = options
    this.#releaseLock = releaseLock
    this.closed = this.#finish.promise
    this.ca = certificates.ca
    this.adminToken = ensureToken(join(options.dataDir, 'admin.token'))
    this.#served = new Served(options.kinds, () => this.#endWatchesOfGoneKinds())
    this.#context = this.#makeContext()
    this.#server = createServer({
      ...TLS_POLICY,
      cert: certificates.certificate,
      key: certificates.privateKey,
    })
    endRenegotiations(this.#server)
    // All header fields count, as many as fit into Node's limit of bytes: one that is dropped might say whom to act for.
    this.#server.maxHeadersCount = 0
    this.#server.requestTimeout = REQUEST_RECEIVE_TIMEOUT_MS
    this.#server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS
    const handle = this.#handler()
    const answer = (request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade): void => {
      handle(request, response, upgrade).catch((error: unknown) => {
        options.log.error('request handler failed', { path: request.url, error })
        response.destroy()
      })
    }
    this.#server.on('request', answer)
    this.#server.on('upgrade', upgradeListener(answer))
  }

  get url(): string {
    const host = isIPv6(this.#address) ? `[${this.#address}]` : this.#address
    return `https://${host}:${this.#port}`
  }

  get port(): number {
    return this.#port
  }

  kubeconfig(): string {
    return kubeconfigText({ server: this.url, ca: this.ca, token: this.adminToken })
  }

  async listen(): Promise<void> {
    const { address, port, log, signal } = this.#options
    try {
      await ensureNamespaces(this.#context, this.#options.namespaces ?? [])
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject)
        this.#server.listen(port, address, () => {
          this.#server.removeListener('error', reject)
          resolve()
        })
      })
    } catch (cause) {
      this.#context.store.close()
      if (cause instanceof ApiError) throw cause
      throw new Error(`Cannot listen on "${address}:${port}": ${messageOf(cause)}. ${listenCure(cause)}`, { cause })
    }
    const bound = this.#server.address() as AddressInfo
    this.#address = bound.address
    this.#stopExpiry = startExpiry(this.#context)
    this.#port = bound.port
    log.info('api server listens', { url: this.url })
    const onAbort = (): void => void this.stop()
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted === true) onAbort()
  }

  stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort()
      void this.#shutDown()
    }
    return this.closed
  }

  async #shutDown(): Promise<void> {
    for (const watch of this.#watches) watch.stop()
    const isClosed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
    this.#server.closeIdleConnections()
    const cut = this.#options.clock.after(STOP_GRACE_MS, () => this.#server.closeAllConnections())
    await isClosed
    cut.cancel()
    this.#close()
  }

  #close(): void {
    this.#stopExpiry()
    this.#served.close()
    try {
      this.#context.store.close()
      this.#releaseLock()
      if (this.#failure === undefined) this.#finish.resolve()
      else this.#finish.reject(this.#failure)
    } catch (error) {
      this.#finish.reject(error)
    }
  }

  /** Whoever watches comes back and learns that the resource is gone, or is another one now. */
  #endWatchesOfGoneKinds(): void {
    const { kinds } = this.#served.registry
    for (const watch of this.#watches) if (!kinds.includes(watch.kind)) watch.stop()
  }

  #onFatal(error: Error): void {
    this.#options.log.error('storage failed, the API server stops', { error })
    this.#failure = error
    this.#server.closeAllConnections()
    void this.stop()
  }

  #makeContext(): ApiContext {
    const { dataDir, clock, random, log, serviceNetwork } = this.#options
    const served = this.#served
    const store = new Store({
      database: new LogDatabase(join(dataDir, 'state.db')),
      clock,
      onFatal: (error) => this.#onFatal(error),
    })
    return {
      get registry() {
        return served.registry
      },
      store,
      serviceAddresses: serviceAddresses(serviceNetwork, random),
      clock,
      random,
      log,
    }
  }

  #handler(): ReturnType<typeof requestHandler> {
    const { version, metrics = () => [], kubelet, ownPaths = {}, authorizer = administratorMayAll } = this.#options
    return requestHandler({
      context: this.#context,
      watches: this.#watches,
      kubelet,
      ownPaths,
      authenticate: authenticator(this.adminToken),
      authorizer,
      served: this.#served,
      version: versionDocument(version),
      otherMetrics: metrics,
      metrics: new RequestMetrics(() => this.#watches.size),
      failing: () => this.#failure?.message,
      signal: this.#stopping.signal,
    })
  }
}

const ADDRESS_CODES: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL'])

function listenCure(cause: unknown): string {
  if (ADDRESS_CODES.has(codeOf(cause) ?? '')) return 'Choose an address of this machine.'
  return 'Choose another port with --api-port, 0 for any.'
}
