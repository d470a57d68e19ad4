/**
 * Removes what has lost its owners, and carries out foreground and orphaning deletion. An owner counts as gone only
 * when the server itself says that no object of that name has that uid.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Log } from '../base/log.ts'
import { isReason } from '../kube/api-error.ts'
import type { DeleteOptions, KubeClient } from '../kube/client.ts'
import type { Change } from '../kube/informer.ts'
import { keyOf, resourceName } from '../kube/object.ts'
import type { KubeObject, OwnerReference, ResourceType } from '../kube/object.ts'
import { runController, watchObjects } from './controller.ts'
import type { Source } from './controller.ts'
import { OwnerGraph, nodeKey, placeKey } from './garbage-collector/graph.ts'
import type { Node, NodeKey } from './garbage-collector/graph.ts'
import type { WorkloadDeps } from './workload-deps.ts'

const FOREGROUND = 'foregroundDeletion'
const ORPHAN = 'orphan'

export interface GarbageCollectorOptions extends WorkloadDeps {
  /** Every kind that may own or be owned. */
  readonly types: readonly ResourceType[]
}

/** Runs until the signal aborts; resolves once nothing is under way any more. */
export function runGarbageCollector({ types, ...deps }: GarbageCollectorOptions): Promise<void> {
  const graph = new OwnerGraph(deps.informers, types)
  const collector = new Collector(graph, deps.client, deps.log)
  return runController<NodeKey>({
    name: 'garbage-collector',
    reconcile: (key, signal) => collector.reconcile(key, signal),
    sources: sourcesOf(graph),
    ...deps,
  })
}

/** Objects with owners, owners on their way out, and, when an object is gone, those above and below it. */
function sourcesOf(graph: OwnerGraph): readonly Source<NodeKey>[] {
  return graph.informers.map((informer) =>
    watchObjects(informer, (object, change) => {
      const keys: NodeKey[] = []
      const isGone = change.new?.metadata.uid !== object.metadata.uid
      if (!isGone && isOfInterest(object)) keys.push(placeKey(informer.type, keyOf(object)))
      if (isGone) keys.push(...graph.dependentsOf(object.metadata.uid ?? '').map(nodeKey))
      // An owner that waits in the foreground goes on when a dependent is gone, or is its dependent no more.
      if (isGone || hasOtherOwners(change)) keys.push(...ownersOf(graph, object))
      return keys
    }),
  )
}

function isOfInterest({ metadata }: KubeObject): boolean {
  return (metadata.ownerReferences ?? []).length > 0 || metadata.deletionTimestamp !== undefined
}

function hasOtherOwners({ old, new: object }: Change<KubeObject>): boolean {
  return !isDeepStrictEqual(old?.metadata.ownerReferences, object?.metadata.ownerReferences)
}

function ownersOf(graph: OwnerGraph, object: KubeObject): readonly NodeKey[] {
  return (object.metadata.ownerReferences ?? [])
    .map((reference) => graph.placeOf(reference, object))
    .filter((place) => place !== undefined)
    .map(({ type, key }) => placeKey(type, key))
}

type OwnerState = 'solid' | 'waiting' | 'gone'

class Collector {
  readonly #graph: OwnerGraph
  readonly #client: KubeClient
  readonly #log: Log

  constructor(graph: OwnerGraph, client: KubeClient, log: Log) {
    this.#graph = graph
    this.#client = client
    this.#log = log
  }

  async reconcile(key: NodeKey, signal: AbortSignal): Promise<void> {
    const node = this.#graph.node(key)
    if (node === undefined) return
    if (node.object.metadata.deletionTimestamp === undefined) {
      await this.#collect(node, signal)
      return
    }
    const finalizers = node.object.metadata.finalizers ?? []
    if (finalizers.includes(ORPHAN)) await this.#orphanDependents(node, signal)
    else if (finalizers.includes(FOREGROUND)) await this.#deleteDependentsFirst(node, signal)
  }

  /** Deletes the object if no owner is left to keep it; cuts references that lead nowhere. */
  async #collect(node: Node, signal: AbortSignal): Promise<void> {
    const references = node.object.metadata.ownerReferences ?? []
    if (references.length === 0) return
    const states = await Promise.all(references.map((reference) => this.#stateOf(reference, node.object, signal)))
    const isSolid = (_: unknown, index: number): boolean => states[index] === 'solid'
    if (states.includes('solid')) {
      if (states.some((state) => state !== 'solid')) await this.#setOwners(node, references.filter(isSolid), signal)
      return
    }
    await this.#delete(node, states.includes('waiting') ? this.#waitedForPolicy(node) : policyOf(node.object), signal)
  }

  async #stateOf(reference: OwnerReference, dependent: KubeObject, signal: AbortSignal): Promise<OwnerState> {
    const place = this.#graph.placeOf(reference, dependent)
    // What we cannot look up we cannot declare dead.
    if (place === undefined) return 'solid'
    const cached = this.#graph.cached(place)
    const owner = cached?.metadata.uid === reference.uid ? cached : await this.#live(place.type, place.key, signal)
    if (owner?.metadata.uid !== reference.uid) return 'gone'
    return isForeground(owner) ? 'waiting' : 'solid'
  }

  async #live(
    type: ResourceType,
    key: Parameters<KubeClient['get']>[1],
    signal: AbortSignal,
  ): Promise<KubeObject | undefined> {
    try {
      return await this.#client.get(type, key, signal)
    } catch (error) {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    }
  }

  /** An owner waits for this object: so must this object for its own dependents. */
  #waitedForPolicy(node: Node): Policy {
    const hasDependents = this.#graph.dependentsOf(node.object.metadata.uid ?? '').length > 0
    return hasDependents ? 'Foreground' : policyOf(node.object)
  }

  async #deleteDependentsFirst(node: Node, signal: AbortSignal): Promise<void> {
    const { uid = '' } = node.object.metadata
    const dependents = this.#graph.dependentsOf(uid)
    const live = dependents.filter(({ object }) => object.metadata.deletionTimestamp === undefined)
    await Promise.all(live.map((dependent) => this.#collect(dependent, signal)))
    if (dependents.some(({ object }) => blocks(object, uid))) return
    await this.#removeFinalizer(node, FOREGROUND, signal)
  }

  async #orphanDependents(node: Node, signal: AbortSignal): Promise<void> {
    const { uid = '' } = node.object.metadata
    const cut = (dependent: Node): Promise<void> => {
      const others = (dependent.object.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid)
      return this.#setOwners(dependent, others, signal)
    }
    await Promise.all(this.#graph.dependentsOf(uid).map(cut))
    await this.#removeFinalizer(node, ORPHAN, signal)
  }

  async #delete({ type, object }: Node, propagationPolicy: Policy, signal: AbortSignal): Promise<void> {
    const { uid = '', resourceVersion = '', namespace, name } = object.metadata
    // With the version: an owner that was added meanwhile saves the object.
    const options = { propagationPolicy, preconditions: { uid, resourceVersion }, signal }
    await this.#client.delete(type, keyOf(object), options).catch(ignoreNotFound)
    this.#log.debug('object without owner deleted', { resource: resourceName(type), namespace, name })
  }

  #setOwners(node: Node, ownerReferences: readonly OwnerReference[], signal: AbortSignal): Promise<void> {
    return this.#patch(node, { ownerReferences }, signal)
  }

  #removeFinalizer(node: Node, finalizer: string, signal: AbortSignal): Promise<void> {
    const finalizers = (node.object.metadata.finalizers ?? []).filter((each) => each !== finalizer)
    return this.#patch(node, { finalizers }, signal)
  }

  async #patch({ type, object }: Node, metadata: object, signal: AbortSignal): Promise<void> {
    const { uid, resourceVersion } = object.metadata
    const body = { metadata: { uid, resourceVersion, ...metadata } }
    await this.#client.patch(type, keyOf(object), { kind: 'merge', body }, { signal }).catch(ignoreNotFound)
  }
}

type Policy = NonNullable<DeleteOptions['propagationPolicy']>

/** What the object's own finalizers ask for. */
function policyOf({ metadata }: KubeObject): Policy {
  if (metadata.finalizers?.includes(ORPHAN) === true) return 'Orphan'
  return metadata.finalizers?.includes(FOREGROUND) === true ? 'Foreground' : 'Background'
}

function isForeground({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers?.includes(FOREGROUND) ?? false)
}

function blocks({ metadata }: KubeObject, ownerUid: string): boolean {
  return (metadata.ownerReferences ?? []).some(
    ({ uid, blockOwnerDeletion }) => uid === ownerUid && blockOwnerDeletion === true,
  )
}

function ignoreNotFound(error: unknown): void {
  if (!isReason(error, 'NotFound')) throw error
}
