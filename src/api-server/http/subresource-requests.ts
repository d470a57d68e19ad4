/** What lies behind an object's name: `/status`, `/scale`, and what its kind has besides. */
import { assertNever } from '../../base/assert.ts'
import type { ObjectKey } from '../../kube/object.ts'
import { splitKey } from '../../kube/object.ts'
import { actOn } from '../registry/act.ts'
import type { Action } from '../registry/act.ts'
import type { Body } from '../registry/check.ts'
import type { ApiContext } from '../registry/context.ts'
import type { Document } from '../registry/document.ts'
import { methodNotAllowed, noSuchResource, notFound } from '../registry/errors.ts'
import { storageOf } from '../registry/resource.ts'
import type { ServedKind } from '../registry/resource.ts'
import { scaleOf, scaleTable, withScale } from '../registry/scale.ts'
import { updateObject } from '../registry/update.ts'
import type { Side } from '../registry/update.ts'
import { applyReply, isApply } from './apply-request.ts'
import { decodeBody } from './decode-body.ts'
import { writeRequestOf } from './exchange.ts'
import type { Exchange } from './exchange.ts'
import { objectReply } from './object-reply.ts'
import type { Kubelet } from './kubelet.ts'
import { streamPodLogs } from './pod-logs.ts'
import { servePodStream } from './pod-streams.ts'
import type { PodStream } from './pod-streams.ts'
import { readPatch } from './read-patch.ts'
import { jsonReply } from './reply.ts'
import type { Reply } from './reply.ts'
import { findSchemaIn } from './schemas.ts'

export interface SubresourceOptions {
  readonly context: ApiContext
  /** Absent: nothing runs pods here. */
  readonly kubelet?: Kubelet | undefined
}

interface SubresourceTarget {
  readonly kind: ServedKind
  readonly key: ObjectKey
  readonly subresource: string
}

/** The answer; undefined when it is a stream that answers by itself. */
export async function subresourceReply(
  options: SubresourceOptions,
  exchange: Exchange,
  target: SubresourceTarget,
): Promise<Reply | undefined> {
  const { context } = options
  const { kind, key, subresource } = target
  if (subresource === 'status' && kind.hasStatus) return sideReply(context, exchange, target, 'status')
  if (subresource === 'scale' && kind.scale !== undefined) return scaleReply(context, exchange, target)
  const own = kind.subresources?.find(({ name }) => name === subresource)
  switch (own?.kind) {
    case undefined:
      throw noSuchResource()
    case 'finalize':
      return sideReply(context, exchange, target, 'finalize')
    case 'action':
      return actionReply(context, exchange, { kind, key, action: own })
    case 'node':
      return nodeReply(options, exchange, target, own.name)
    default:
      return assertNever(own)
  }
}

/** What the node that runs a pod answers: always a stream. */
async function nodeReply(
  { context, kubelet }: SubresourceOptions,
  exchange: Exchange,
  { kind, key }: SubresourceTarget,
  subresource: 'log' | PodStream,
): Promise<undefined> {
  const { namespace = '', name } = splitKey(key)
  const pod = { namespace, name }
  if (subresource === 'log') {
    if (exchange.method !== 'GET') throw methodNotAllowed()
    existing(context, kind, key)
    await streamPodLogs(kubelet, exchange, pod, context.log)
    return
  }
  // A WebSocket begins with a GET, but to run a command in a pod is no reading.
  await exchange.demand('create')
  existing(context, kind, key)
  await servePodStream(kubelet, exchange, { pod, subresource }, context.log)
}

function existing(context: ApiContext, kind: ServedKind, key: ObjectKey): Document {
  const stored = context.store.get(storageOf(kind), key)
  if (stored === undefined) throw notFound(kind, splitKey(key).name)
  return kind.fromHub(stored.object)
}

/** `/status` and `/finalize`: the object, of which only one side is written. */
async function sideReply(
  context: ApiContext,
  exchange: Exchange,
  { kind, key }: SubresourceTarget,
  side: Side,
): Promise<Reply> {
  if (exchange.method === 'GET') {
    return objectReply(context, exchange, { kind, object: existing(context, kind, key), code: 200 })
  }
  if (side === 'status' && isApply(exchange)) return applyReply(context, exchange, { kind, key, side })
  const { change, isPatch } = await changeOf(context, exchange, kind)
  const request = writeRequestOf(exchange)
  const object = await updateObject(context, { kind, key, side, request, isPatch, change })
  return objectReply(context, exchange, { kind, object, code: 200 })
}

async function changeOf(
  context: ApiContext,
  exchange: Exchange,
  kind: ServedKind,
): Promise<{ change: (old: Document) => Body; isPatch: boolean }> {
  if (exchange.method === 'PATCH') {
    const patch = await readPatch(exchange, kind)
    return { isPatch: true, change: (old) => ({ value: patch(old), duplicateFields: [] }) }
  }
  if (exchange.method !== 'PUT') throw methodNotAllowed()
  const body = await decodeBody(exchange.request, findSchemaIn(context.registry))
  return { isPatch: false, change: () => body }
}

async function scaleReply(context: ApiContext, exchange: Exchange, { kind, key }: SubresourceTarget): Promise<Reply> {
  const reply = (object: Document): Reply =>
    objectReply(context, exchange, { kind: scaleTable, object: scaleOf(object), code: 200 })
  if (exchange.method === 'GET') return reply(existing(context, kind, key))
  const scaleChange = await changeOf(context, exchange, kind)
  const object = await updateObject(context, {
    kind,
    key,
    side: 'object',
    request: writeRequestOf(exchange),
    isPatch: true,
    change: (old) => {
      const scale = scaleChange.change(scaleOf(old) as unknown as Document)
      return { value: withScale(old, scale.value), duplicateFields: scale.duplicateFields }
    },
  })
  return reply(object as Document)
}

async function actionReply(
  context: ApiContext,
  exchange: Exchange,
  target: { readonly kind: ServedKind; readonly key: ObjectKey; readonly action: Action },
): Promise<Reply> {
  if (exchange.method !== 'POST') throw methodNotAllowed()
  const body = await decodeBody(exchange.request, findSchemaIn(context.registry))
  await actOn(context, target, body.value, writeRequestOf(exchange))
  return jsonReply(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 })
}
