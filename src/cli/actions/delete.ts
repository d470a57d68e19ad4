/** `sluice delete` */
import { sleep } from '../../base/clock.ts'
import { isReason } from '../../kube/api-error.ts'
import { type KubeObject, keyOf, objectKey } from '../../kube/object.ts'
import { connect, type Session } from '../api/connect.ts'
import { discover, type ServedResource } from '../api/discovery.ts'
import { displayName, qualifiedSingular, select } from '../api/select.ts'
import { explainRefusal } from '../apply/mistakes.ts'
import { type Call, UsageError } from '../command.ts'
import type { DeleteOptions } from '../options.ts'
import { describeError } from '../output/describe-error.ts'
import { noObjects, placed, readManifests, resourceFor } from './apply.ts'

/** Between two looks at an object that is on its way out, should its watch end early. */
const GONE_POLL_MS = 200

interface Target {
  readonly resource: ServedResource
  readonly namespace: string | undefined
  readonly name: string
}

interface DeleteRun extends Call<DeleteOptions> {
  readonly session: Session
}

export async function deleteObjects(call: Call<DeleteOptions>): Promise<number> {
  checkUsage(call)
  await using session = await connect(call.options, call.deps)
  const run: DeleteRun = { ...call, session }
  const { targets, failed } = await targetsOf(run)
  if (targets.length === 0 && !failed) call.deps.stdout.write('No resources found\n')
  const errors: unknown[] = []
  const going: Going[] = []
  for (const target of targets) {
    try {
      going.push(...(await deleteOne(run, target)))
    } catch (error) {
      if (call.options.ignoreNotFound !== true || !isReason(error, 'NotFound')) errors.push(error)
    }
  }
  for (const error of errors) call.deps.stderr.write(`${describeError(error)}\n`)
  if (call.options.wait) await untilAllGone(run, going)
  return failed || errors.length > 0 ? 1 : 0
}

function checkUsage({ args, options }: Call<DeleteOptions>): void {
  const byFile = options.filename !== undefined
  if (byFile === args.length > 0) throw new UsageError('Name what to delete: either TYPE and names, or files with -f.')
  const several = options.selector !== undefined || options.all === true
  if (byFile && several) throw new UsageError('-f cannot be combined with --selector or --all.')
  const named = args.length > 1 || (args[0]?.includes('/') ?? false)
  if (!byFile && named && several) throw new UsageError('Names cannot be combined with --selector or --all.')
  if (!byFile && !named && !several) throw new UsageError('Name the objects, or choose them with --selector or --all.')
  if (options.gracePeriod === 0 && options.force !== true) {
    throw new UsageError('--grace-period 0 deletes without asking the object’s agent: it needs --force.')
  }
}

interface Targets {
  readonly targets: readonly Target[]
  readonly failed: boolean
}

async function targetsOf(run: DeleteRun): Promise<Targets> {
  const { options, session, deps } = run
  if (options.filename !== undefined) return targetsInFiles(run, options.filename)
  const { selections } = await select(session.client, run.args, deps.signal)
  const targets: Target[] = []
  for (const { resource, names } of selections) {
    const namespace = resource.namespaced ? session.namespace : undefined
    targets.push(...names.map((name) => ({ resource, namespace, name })))
    if (names.length === 0) targets.push(...(await targetsListed(run, resource)))
  }
  return { targets, failed: false }
}

async function targetsListed(
  { options, session, deps }: DeleteRun,
  resource: ServedResource,
): Promise<readonly Target[]> {
  const { items } = await session.client.list(resource, {
    ...(options.allNamespaces === true ? {} : { namespace: session.namespace }),
    ...(options.selector === undefined ? {} : { labelSelector: options.selector }),
    signal: deps.signal,
  })
  return items.map(({ metadata }) => ({ resource, namespace: metadata.namespace, name: metadata.name ?? '' }))
}

async function targetsInFiles({ options, session, deps }: DeleteRun, files: readonly string[]): Promise<Targets> {
  const { objects, failed } = await readManifests(files, options.recursive === true, deps)
  if (objects.length === 0 && !failed) throw noObjects('delete', files)
  const served = await discover(session.client, deps.signal)
  const targets: Target[] = []
  let refused = false
  for (const manifest of objects) {
    try {
      targets.push(targetOf(manifest.object, served, session))
    } catch (error) {
      refused = true
      for (const line of explainRefusal(error, `delete the ${manifest.object.kind}`, manifest)) {
        deps.stderr.write(`${line}\n`)
      }
    }
  }
  return { targets, failed: failed || refused }
}

function targetOf(object: KubeObject, served: readonly ServedResource[], session: Session): Target {
  const resource = resourceFor(served, object)
  const { metadata } = placed(object, resource, session)
  return { resource, namespace: metadata.namespace, name: metadata.name ?? '' }
}

interface Going extends Target {
  readonly uid: string
}

/** Deletes and says so; gives back what may still be there for a while. */
async function deleteOne(run: DeleteRun, target: Target): Promise<readonly Going[]> {
  const { session, options, deps } = run
  const { resource, namespace, name } = target
  const key = objectKey(namespace, name)
  // The uid tells later whether what is there is still the same object, or a new one of that name.
  const live = options.wait ? await session.client.get(resource, key, deps.signal) : undefined
  const gracePeriodSeconds = options.now === true ? 1 : options.gracePeriod
  await session.client.delete(resource, key, {
    propagationPolicy: PROPAGATION[options.cascade],
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    signal: deps.signal,
  })
  const how = options.force === true && gracePeriodSeconds === 0 ? 'force deleted' : 'deleted'
  const line =
    options.output === 'name' ? displayName(resource, name) : `${qualifiedSingular(resource)} "${name}" ${how}`
  deps.stdout.write(`${line}\n`)
  const uid = live?.metadata.uid
  return uid === undefined ? [] : [{ ...target, uid }]
}

const PROPAGATION = { background: 'Background', foreground: 'Foreground', orphan: 'Orphan' } as const

async function untilAllGone(run: DeleteRun, going: readonly Going[]): Promise<void> {
  const { deps, options } = run
  if (going.length === 0) return
  const limit = new AbortController()
  const timer =
    options.timeout === undefined ? undefined : deps.clock.after(options.timeout, () => limit.abort(), { unref: true })
  const signal = AbortSignal.any([deps.signal, limit.signal])
  try {
    await Promise.all(going.map((each) => untilGone(run, each, signal)))
  } catch (error) {
    if (!limit.signal.aborted) throw error
    throw new Error(`Cannot wait any longer: not everything was gone after ${(options.timeout ?? 0) / 1000} s`, {
      cause: error,
    })
  } finally {
    timer?.cancel()
  }
}

/** Resolves once the object is gone, or another one has taken its name. */
async function untilGone(
  { session, deps }: DeleteRun,
  { resource, namespace, name, uid }: Going,
  signal: AbortSignal,
): Promise<void> {
  const key = objectKey(namespace, name)
  for (;;) {
    const live = await session.client.get(resource, key, signal).catch((error: unknown) => {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    })
    if (live === undefined || live.metadata.uid !== uid) return
    if (await seenDeleted(session, resource, live, signal)) return
    await sleep(deps.clock, GONE_POLL_MS, signal)
  }
}

async function seenDeleted(
  session: Session,
  resource: ServedResource,
  live: KubeObject,
  signal: AbortSignal,
): Promise<boolean> {
  const { name = '', namespace, resourceVersion = '' } = live.metadata
  const events = session.client.watch(resource, {
    ...(namespace === undefined ? {} : { namespace }),
    fieldSelector: `metadata.name=${name}`,
    resourceVersion,
    signal,
  })
  for await (const event of events) {
    if (event.type === 'DELETED' && keyOf(event.object) === keyOf(live)) return true
  }
  signal.throwIfAborted()
  return false
}
