/** `KubeClient` over HTTP(S): the only way of Sluice's parts to a Kubernetes API, embedded or real. */
import { isAbort } from '../base/errors.ts'
import { isReason } from './api-error.ts'
import type {
  DeleteOptions,
  KubeClient,
  ListOptions,
  ListResult,
  Patch,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './client.ts'
import { decodeEvent, decodeList, decodeWarnings } from './http-client/decode.ts'
import type { ListBody } from './http-client/decode.ts'
import { failureOf } from './http-client/failure.ts'
import { splitLines } from './http-client/lines.ts'
import { Transport, UnreachableError, readText } from './http-client/transport.ts'
import type { ConnectionOptions, HttpAnswer, RequestOptions } from './http-client/transport.ts'
import { keyOf } from './object.ts'
import type { KubeObject, ObjectKey, ResourceType } from './object.ts'
import { collectionPath, objectPath, withQuery } from './resource-path.ts'
import type { QueryParameters } from './resource-path.ts'

/** Objects per page of a list. */
const LIST_PAGE_ITEMS = 500
/** A list that never ends is the server's bug; this many pages are half a million objects. */
const LIST_PAGES_MAX = 1000
/** One watch event: an object is at most 3 MiB, JSON escapes may double it. */
const LINE_CHARACTERS_MAX = 16 * 1024 * 1024

export type { ConnectionOptions }

export interface HttpClientOptions extends ConnectionOptions {
  /** The part before `/` names the field manager of our writes. */
  readonly userAgent?: string
  /** Called with each warning that the server sends along (`Warning: 299 - "…"`). */
  readonly onWarning?: (message: string) => void
}

export interface HttpClient extends KubeClient {
  readonly server: string
  /** Any request; the answer's status is the caller's to judge, its body to consume or destroy. */
  request(path: string, options?: RequestOptions): Promise<HttpAnswer>
  /** Any request with a JSON answer; rejects with `ApiError` when the status is not a success. */
  json(path: string, options?: RequestOptions): Promise<unknown>
  /** The lines of a streamed text answer (followed logs); ends quietly when the signal aborts. */
  lines(path: string, options?: RequestOptions): AsyncIterable<string>
  /** Ends every connection, streams included. */
  close(): void
}

export function createHttpClient(options: HttpClientOptions): HttpClient {
  return new KubeHttpClient(options)
}

class KubeHttpClient implements HttpClient {
  readonly #transport: Transport
  readonly #onWarning: (message: string) => void

  constructor({ userAgent = 'sluice', onWarning = () => {}, ...connection }: HttpClientOptions) {
    this.#transport = new Transport({ ...connection, userAgent })
    this.#onWarning = onWarning
  }

  get server(): string {
    return this.#transport.server
  }

  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, signal?: AbortSignal): Promise<T> {
    return this.#json(objectPath(type, key), withSignal(signal))
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<ListResult<T>> {
    const page = (limit?: number, token?: string): Promise<ListBody<T>> =>
      this.#json(listPath(type, options, { limit, continue: token }), withSignal(options.signal))
    try {
      return decodeList(type, await allPages(type, page))
    } catch (error) {
      // The snapshot that the pages come from is gone: read everything at once, as client-go's pager does.
      if (!isReason(error, 'Expired')) throw error
      return decodeList(type, [await page()])
    }
  }

  async *watch<T extends KubeObject>(
    type: ResourceType<T>,
    { resourceVersion, timeoutSeconds, ...options }: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    const query = { watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds }
    for await (const line of this.lines(listPath(type, options, query), withSignal(options.signal))) {
      const event = decodeEvent<T>(line)
      yield event
      if (event.type === 'ERROR') return
    }
  }

  create<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const path =
      options.subresource === undefined
        ? collectionPath(type, object.metadata.namespace)
        : objectPath(type, keyOf(object), options.subresource)
    return this.#write('POST', path, object, options)
  }

  update<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#write('PUT', objectPath(type, keyOf(object), options.subresource), object, options)
  }

  patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = withQuery(objectPath(type, key, options.subresource), writeQuery(options))
    const body = patch.kind === 'json' ? patch.operations : patch.body
    const headers = { 'content-type': PATCH_TYPES[patch.kind] }
    return this.#json(path, { method: 'PATCH', body, headers, ...withSignal(options.signal) })
  }

  async delete(type: ResourceType, key: ObjectKey, { signal, ...options }: DeleteOptions = {}): Promise<void> {
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', ...options }
    await this.#write('DELETE', objectPath(type, key), body, withSignal(signal))
  }

  request(path: string, options?: RequestOptions): Promise<HttpAnswer> {
    return this.#transport.request(path, options)
  }

  json(path: string, options?: RequestOptions): Promise<unknown> {
    return this.#json(path, options)
  }

  async *lines(path: string, options: RequestOptions = {}): AsyncGenerator<string> {
    let answer: HttpAnswer | undefined
    try {
      answer = await this.#succeeded(path, { ...options, stream: true })
      yield* splitLines(answer.body as AsyncIterable<Uint8Array>, LINE_CHARACTERS_MAX)
    } catch (error) {
      if (isAbort(error, options.signal)) return
      throw this.#explain(error)
    } finally {
      answer?.body.destroy()
    }
  }

  close(): void {
    this.#transport.close()
  }

  #write<T>(method: string, path: string, body: unknown, options: WriteOptions): Promise<T> {
    const headers = { 'content-type': 'application/json' }
    return this.#json(withQuery(path, writeQuery(options)), { method, body, headers, ...withSignal(options.signal) })
  }

  async #json<T>(path: string, options?: RequestOptions): Promise<T> {
    const text = await this.#text(await this.#succeeded(path, options))
    try {
      return JSON.parse(text) as T
    } catch (cause) {
      throw new Error(`Cannot read the answer of "${this.server}${path}": it is not JSON`, { cause })
    }
  }

  async #succeeded(path: string, options: RequestOptions = {}): Promise<HttpAnswer> {
    const answer = await this.#transport.request(path, options)
    for (const warning of decodeWarnings(answer.headers['warning'])) this.#onWarning(warning)
    if (answer.status >= 200 && answer.status < 300) return answer
    const { status: code, headers } = answer
    const body = await this.#text(answer)
    throw failureOf({ method: options.method ?? 'GET', url: this.server + path, code, headers, body })
  }

  async #text(answer: HttpAnswer): Promise<string> {
    try {
      return await readText(answer)
    } catch (error) {
      throw this.#explain(error)
    }
  }

  /** What a body fails with when the connection breaks says nothing of the server: name it. */
  #explain(error: unknown): unknown {
    const broke = error instanceof Error && 'code' in error && /^E[A-Z]/.test(String(error.code))
    return broke && !(error instanceof UnreachableError) ? new UnreachableError(this.server, error) : error
  }
}

const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const

async function allPages<T>(
  type: ResourceType,
  page: (limit: number, token: string | undefined) => Promise<ListBody<T>>,
): Promise<readonly ListBody<T>[]> {
  const pages: ListBody<T>[] = []
  let token: string | undefined
  do {
    if (pages.length === LIST_PAGES_MAX) {
      throw new Error(`Cannot list "${type.plural}": more than ${LIST_PAGES_MAX * LIST_PAGE_ITEMS} objects`)
    }
    const next = await page(LIST_PAGE_ITEMS, token)
    pages.push(next)
    token = next.metadata?.continue
  } while (token !== undefined && token !== '')
  return pages
}

function listPath(type: ResourceType, options: ListOptions, more: QueryParameters): string {
  const { namespace, labelSelector, fieldSelector } = options
  return withQuery(collectionPath(type, namespace), { labelSelector, fieldSelector, ...more })
}

function writeQuery({ dryRun, fieldValidation }: WriteOptions): QueryParameters {
  return { dryRun: dryRun === true ? 'All' : undefined, fieldValidation }
}

function withSignal(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
