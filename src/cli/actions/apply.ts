/** `sluice apply`: every object of every file; what fails is reported and does not stop the rest. */
import { nearest } from '../../base/nearest.ts'
import type { KubeObject } from '../../kube/object.ts'
import { connect, type Session } from '../api/connect.ts'
import { discover, resourceOfKind, type ServedResource } from '../api/discovery.ts'
import { displayName } from '../api/select.ts'
import { applyObject } from '../apply/apply-object.ts'
import { explainRefusal } from '../apply/mistakes.ts'
import { type Call, UsageError } from '../command.ts'
import type { ApplyOptions } from '../options.ts'
import type { CliDeps } from '../deps.ts'
import { formatPlace, type ManifestObject, parseManifest } from '../manifest/parse.ts'
import { readSources } from '../manifest/sources.ts'

export async function apply({ args, deps, options }: Call<ApplyOptions>): Promise<number> {
  if (args.length > 0) throw new UsageError(`Unexpected argument "${args[0]}": name files with -f.`)
  const { objects, failed } = await readManifests(options.filename, options.recursive === true, deps)
  if (objects.length === 0) {
    if (!failed) throw noObjects('apply', options.filename)
    return 1
  }
  await using session = await connect(options, deps)
  const run: ApplyRun = {
    session,
    deps,
    dryRun: options.dryRun === true,
    served: await discover(session.client, deps.signal),
  }
  let refused = 0
  for (const manifest of objects) refused += (await applyOne(run, manifest)) ? 0 : 1
  return failed || refused > 0 ? 1 : 0
}

export interface ReadManifests {
  readonly objects: readonly ManifestObject[]
  /** Something could not be read; it has been reported. */
  readonly failed: boolean
}

/** Reads all files; what cannot be read is reported on standard error. */
export async function readManifests(
  names: readonly string[],
  recursive: boolean,
  deps: CliDeps,
): Promise<ReadManifests> {
  const { texts, failures } = await readSources(names, recursive, deps)
  for (const { message } of failures) deps.stderr.write(`${message}\n`)
  const manifests = texts.map(({ text, source }) => parseManifest(text, source))
  const mistakes = manifests.flatMap((manifest) => manifest.mistakes)
  for (const { place, message } of mistakes) deps.stderr.write(`${formatPlace(place)}: ${message}\n`)
  return {
    objects: manifests.flatMap(({ objects }) => objects),
    failed: failures.length + mistakes.length > 0,
  }
}

/** Nothing is done, so something was meant that is not there. */
export function noObjects(verb: string, names: readonly string[]): Error {
  const files = names.map((name) => (name === '-' ? 'standard input' : `"${name}"`)).join(', ')
  return new Error(`Cannot ${verb} ${files}: there are no objects in it`)
}

interface ApplyRun {
  readonly session: Session
  readonly deps: CliDeps
  readonly dryRun: boolean
  readonly served: readonly ServedResource[]
}

/** True when it was applied. */
async function applyOne({ session, deps, dryRun, served }: ApplyRun, manifest: ManifestObject): Promise<boolean> {
  let what = `apply the ${manifest.object.kind}`
  try {
    const resource = resourceFor(served, manifest.object)
    const object = placed(manifest.object, resource, session)
    const name = displayName(resource, object.metadata.name ?? '')
    what = `apply "${name}"`
    const applied = await applyObject(resource, object, { client: session.client, dryRun, signal: deps.signal })
    deps.stdout.write(`${name} ${applied}${dryRun ? ' (server dry run)' : ''}\n`)
    return true
  } catch (error) {
    // Nobody answers: that is not this object's fault, and would be the same for the others.
    if (error instanceof Error && error.name === 'UnreachableError') throw error
    if (deps.signal.aborted) throw error
    for (const line of explainRefusal(error, what, manifest)) deps.stderr.write(`${line}\n`)
    return false
  }
}

/** The resource that serves the object's kind. */
export function resourceFor(served: readonly ServedResource[], { apiVersion, kind }: KubeObject): ServedResource {
  const resource = resourceOfKind(served, apiVersion, kind)
  if (resource !== undefined) return resource
  const elsewhere = served.find((each) => each.kind === kind)
  const near = nearest(
    kind,
    served.map((each) => each.kind),
  )
  const hint =
    elsewhere !== undefined
      ? `; the server has ${kind} in "${versionOf(elsewhere)}"`
      : near !== undefined
        ? `; did you mean "${near}"?`
        : ''
  throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"${hint}`)
}

/** The object in the namespace where it belongs: its own, or the one to work in. */
export function placed(object: KubeObject, resource: ServedResource, session: Session): KubeObject {
  if (object.metadata.name === undefined || object.metadata.name === '') {
    throw new Error('metadata.name: Required value: apply needs a name to find the object again')
  }
  if (!resource.namespaced) return object
  const { namespace } = object.metadata
  if (namespace === undefined || namespace === '') {
    return { ...object, metadata: { ...object.metadata, namespace: session.namespace } }
  }
  if (session.askedNamespace !== undefined && session.askedNamespace !== namespace) {
    throw new Error(
      `its namespace "${namespace}" is not the one asked for with -n, "${session.askedNamespace}". Leave out one of them`,
    )
  }
  return object
}

function versionOf({ group, version }: ServedResource): string {
  return group === '' ? version : `${group}/${version}`
}
