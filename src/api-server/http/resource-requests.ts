/** Requests about objects: from the URL to a verb, from its result to the form the client asked for. */
import type { ServerResponse } from 'node:http'
import { assertNever } from '../../base/assert.ts'
import { apiVersionOf, objectKey } from '../../kube/object.ts'
import type { ObjectKey } from '../../kube/object.ts'
import { listPage } from '../read/list.ts'
import { selectionOf } from '../read/selection.ts'
import { metadataOf, tableOf } from '../read/table.ts'
import { parseWatchRequest, Watch } from '../read/watch.ts'
import type { WatchSink } from '../read/watch.ts'
import { checkNotFuture, parseVersionQuery } from '../read/versions.ts'
import type { ApiContext } from '../registry/context.ts'
import { createObject } from '../registry/create.ts'
import { deletedStatus, deleteObject, parseDeleteOptions } from '../registry/delete.ts'
import type { Document } from '../registry/document.ts'
import { methodNotAllowed, noSuchResource, notFound } from '../registry/errors.ts'
import { inVersion, storageOf } from '../registry/resource.ts'
import type { ServedKind } from '../registry/resource.ts'
import { updateObject } from '../registry/update.ts'
import { applyReply, isApply } from './apply-request.ts'
import { isWatch } from './authorize.ts'
import { decodeBody } from './decode-body.ts'
import { writeRequestOf } from './exchange.ts'
import type { Exchange } from './exchange.ts'
import { representationOf } from './negotiate.ts'
import { encoder, objectReply, tableOptions } from './object-reply.ts'
import { nodeStats } from './pod-streams.ts'
import { readPatch } from './read-patch.ts'
import { jsonReply } from './reply.ts'
import type { Reply } from './reply.ts'
import type { ResourceTarget } from './request-target.ts'
import { findSchemaIn } from './schemas.ts'
import { subresourceReply } from './subresource-requests.ts'
import type { SubresourceOptions } from './subresource-requests.ts'

export interface ResourceOptions extends SubresourceOptions {
  /** Told of every watch, so that a stopping server can end them. */
  readonly watches: Set<Watch>
}

/** The answer; undefined when it is a stream that answers by itself. */
export async function resourceReply(
  options: ResourceOptions,
  exchange: Exchange,
  target: ResourceTarget,
): Promise<Reply | undefined> {
  const { context } = options
  const node = statsNode(exchange, target)
  if (node !== undefined) return jsonReply(200, await nodeStats(options.kubelet, node))
  const kind = context.registry.find(target.group, target.version, target.plural)
  if (kind === undefined || (kind.type.namespaced ? false : target.namespace !== undefined)) throw noSuchResource()
  if (target.name === undefined) return collectionReply(options, exchange, kind, target)
  if (kind.type.namespaced && target.namespace === undefined) throw noSuchResource()
  const key = objectKey(target.namespace, target.name)
  if (target.subresource !== undefined) {
    return subresourceReply(options, exchange, { kind, key, subresource: target.subresource })
  }
  if (exchange.method === 'GET' && isWatch(exchange.query, target)) return watchReply(options, exchange, kind, target)
  return objectRequest(context, exchange, kind, key)
}

/** The node whose stats are asked for: a path of the kubelet, served whether or not nodes are objects here. */
function statsNode({ method }: Exchange, { group, plural, name, subresource }: ResourceTarget): string | undefined {
  const isStats = group === '' && plural === 'nodes' && subresource === 'proxy/stats/summary' && method === 'GET'
  return isStats ? name : undefined
}

async function collectionReply(
  options: ResourceOptions,
  exchange: Exchange,
  kind: ServedKind,
  target: ResourceTarget,
): Promise<Reply | undefined> {
  const { context } = options
  switch (exchange.method) {
    case 'GET':
      return isWatch(exchange.query, target)
        ? watchReply(options, exchange, kind, target)
        : listReply(context, exchange, kind, target)
    case 'POST': {
      if (kind.type.namespaced && target.namespace === undefined) throw methodNotAllowed()
      const request = writeRequestOf(exchange)
      const body = await decodeBody(exchange.request, findSchemaIn(context.registry))
      const object = await createObject(context, { kind, namespace: target.namespace, body, request })
      return objectReply(context, exchange, { kind, object, code: 201 })
    }
    case 'DELETE':
      return deleteCollection(context, exchange, kind, target)
    default:
      throw methodNotAllowed()
  }
}

async function objectRequest(
  context: ApiContext,
  exchange: Exchange,
  kind: ServedKind,
  key: ObjectKey,
): Promise<Reply> {
  switch (exchange.method) {
    case 'GET': {
      checkNotFuture(context.store, parseVersionQuery(exchange.query).version)
      const stored = context.store.get(storageOf(kind), key)
      if (stored === undefined) throw notFound(kind, nameIn(key))
      const { object, json } = inVersion(kind, stored)
      return objectReply(context, exchange, { kind, object, json, code: 200 })
    }
    case 'PUT': {
      const request = writeRequestOf(exchange)
      const body = await decodeBody(exchange.request, findSchemaIn(context.registry))
      const change = (): typeof body => body
      const object = await updateObject(context, { kind, key, side: 'object', request, isPatch: false, change })
      return objectReply(context, exchange, { kind, object, code: 200 })
    }
    case 'PATCH': {
      if (isApply(exchange)) return applyReply(context, exchange, { kind, key, side: 'object' })
      const request = writeRequestOf(exchange)
      const patch = await readPatch(exchange, kind)
      const change = (old: Document): { value: unknown; duplicateFields: readonly string[] } => ({
        value: patch(old),
        duplicateFields: [],
      })
      const object = await updateObject(context, { kind, key, side: 'object', request, isPatch: true, change })
      return objectReply(context, exchange, { kind, object, code: 200 })
    }
    case 'DELETE': {
      const { value } = await decodeBody(exchange.request, findSchemaIn(context.registry))
      const request = parseDeleteOptions(value, exchange.query)
      const deletion = await deleteObject(context, kind, key, request)
      if (deletion.kind === 'removed') return jsonReply(200, deletedStatus(kind, deletion.object))
      const isStaged = request.propagationPolicy === 'Foreground' || request.propagationPolicy === 'Orphan'
      return objectReply(context, exchange, { kind, object: deletion.object, code: isStaged ? 202 : 200 })
    }
    default:
      throw methodNotAllowed()
  }
}

function listReply(context: ApiContext, exchange: Exchange, kind: ServedKind, target: ResourceTarget): Reply {
  const representation = representationOf(exchange.request.headers.accept, { isBuiltIn: kind.strategicPatch })
  const page = listPage(context.store, kind, selectionOf(kind, target, exchange.query), exchange.query)
  switch (representation.kind) {
    case 'object': {
      const head = { kind: `${kind.type.kind}List`, apiVersion: apiVersionOf(kind.type), metadata: page.metadata }
      // Each object's JSON exists already: a list is one concatenation.
      const items = page.items.map(({ json }) => json).join(',')
      return jsonReply(200, `${JSON.stringify(head).slice(0, -1)},"items":[${items}]}`)
    }
    case 'table':
      return jsonReply(200, tableOf(tableOptions(context, exchange, kind, representation), page.items, page.metadata))
    case 'metadata': {
      const items = page.items.map(({ object }) => metadataOf(object, representation.version))
      const apiVersion = `meta.k8s.io/${representation.version}`
      return jsonReply(200, { kind: 'PartialObjectMetadataList', apiVersion, metadata: page.metadata, items })
    }
    default:
      return assertNever(representation)
  }
}

function watchReply(options: ResourceOptions, exchange: Exchange, kind: ServedKind, target: ResourceTarget): undefined {
  const { context, watches } = options
  const watch = new Watch({
    store: context.store,
    clock: context.clock,
    kind,
    selection: selectionOf(kind, target, exchange.query),
    request: parseWatchRequest(exchange.query, context.random),
    encode: encoder(context, exchange, kind),
    sink: sinkOf(exchange.response),
  })
  exchange.response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' })
  // Clients wait for the headers before the first event may come.
  exchange.response.flushHeaders()
  watches.add(watch)
  exchange.response.once('close', () => {
    watch.stop()
    watches.delete(watch)
  })
  watch.start()
  return undefined
}

function sinkOf(response: ServerResponse): WatchSink {
  return {
    write: (text) => response.write(text),
    bufferedBytes: () => response.writableLength,
    end: () => response.end(),
    destroy: () => response.destroy(),
  }
}

async function deleteCollection(
  context: ApiContext,
  exchange: Exchange,
  kind: ServedKind,
  target: ResourceTarget,
): Promise<Reply> {
  const { value } = await decodeBody(exchange.request, findSchemaIn(context.registry))
  const request = parseDeleteOptions(value, exchange.query)
  const page = listPage(context.store, kind, selectionOf(kind, target, exchange.query), exchange.query)
  // An object that another request removed in the meantime is what was asked for.
  const present = page.items.filter(({ key }) => context.store.latest(storageOf(kind), key) !== undefined)
  const deletions = await Promise.all(present.map(({ key }) => deleteObject(context, kind, key, request)))
  return jsonReply(200, {
    kind: `${kind.type.kind}List`,
    apiVersion: apiVersionOf(kind.type),
    metadata: { resourceVersion: String(context.store.version) },
    items: deletions.map(({ object }) => object),
  })
}

function nameIn(key: ObjectKey): string {
  return key.slice(key.indexOf('/') + 1)
}
