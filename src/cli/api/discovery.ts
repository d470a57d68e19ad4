/** What the API serves: how users' words (`deploy`, `vs.gateway.solo.io`) become resource types. */
import type { HttpClient } from '../../kube/http-client.ts'
import type { ResourceType } from '../../kube/object.ts'

/** A resource as discovery describes it. */
export interface ServedResource extends ResourceType {
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly verbs: readonly string[]
}

/** Asks for the aggregated form (Kubernetes 1.26 and later) and understands the older one too. */
const AGGREGATED = ['v2', 'v2beta1']
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .concat('application/json')
  .join(',')

/** Every resource of every group, preferred versions first, core group first. */
export async function discover(client: HttpClient, signal?: AbortSignal): Promise<readonly ServedResource[]> {
  const roots = await Promise.all(['/api', '/apis'].map((path) => discoverRoot(client, path, signal)))
  return roots.flat()
}

async function discoverRoot(
  client: HttpClient,
  path: string,
  signal: AbortSignal | undefined,
): Promise<readonly ServedResource[]> {
  const options = { headers: { accept: AGGREGATED }, ...(signal === undefined ? {} : { signal }) }
  const body = (await client.json(path, options)) as RootBody
  if (body.kind === 'APIGroupDiscoveryList') return (body.items ?? []).flatMap(fromAggregated)
  const versions =
    body.groups === undefined
      ? (body.versions ?? []).map((version) => `/api/${version}`)
      : body.groups.flatMap(({ versions: served }) => served.map(({ groupVersion }) => `/apis/${groupVersion}`))
  const lists = await Promise.all(versions.map((at) => client.json(at, signal === undefined ? {} : { signal })))
  return lists.flatMap((list) => fromResourceList(list as ResourceListBody))
}

function fromAggregated({ metadata, versions = [] }: AggregatedGroup): readonly ServedResource[] {
  return versions.flatMap(({ version, resources = [] }) =>
    resources.flatMap((resource) =>
      resource.responseKind === undefined
        ? []
        : [
            {
              group: metadata?.name ?? '',
              version,
              kind: resource.responseKind.kind,
              plural: resource.resource,
              namespaced: resource.scope === 'Namespaced',
              singular: resource.singularResource ?? resource.responseKind.kind.toLowerCase(),
              shortNames: resource.shortNames ?? [],
              categories: resource.categories ?? [],
              verbs: resource.verbs ?? [],
            },
          ],
    ),
  )
}

function fromResourceList({ groupVersion, resources = [] }: ResourceListBody): readonly ServedResource[] {
  const [version = '', group = ''] = groupVersion.split('/').toReversed()
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map((resource) => ({
      group,
      version,
      kind: resource.kind,
      plural: resource.name,
      namespaced: resource.namespaced,
      singular:
        resource.singularName === undefined || resource.singularName === ''
          ? resource.kind.toLowerCase()
          : resource.singularName,
      shortNames: resource.shortNames ?? [],
      categories: resource.categories ?? [],
      verbs: resource.verbs ?? [],
    }))
}

/** The resource that a user means: plural, singular, short name or kind, optionally `.group` or `.version.group`. */
export function findResource(served: readonly ServedResource[], word: string): ServedResource | undefined {
  const dot = word.indexOf('.')
  const name = (dot < 0 ? word : word.slice(0, dot)).toLowerCase()
  const qualifier = dot < 0 ? undefined : word.slice(dot + 1)
  const named = served.filter((resource) => isNamed(resource, name) && inGroup(resource, qualifier))
  // A full name beats a short one: `endpoints` of the core group before someone's short name.
  return named.find(({ plural, singular }) => plural === name || singular === name) ?? named[0]
}

/** The resources of a category, each once, in its preferred version. */
export function resourcesOf(served: readonly ServedResource[], category: string): readonly ServedResource[] {
  const seen = new Set<string>()
  return served.filter(({ categories, group, plural, verbs }) => {
    const id = `${plural}.${group}`
    if (!categories.includes(category) || !verbs.includes('list') || seen.has(id)) return false
    seen.add(id)
    return true
  })
}

/** The resource that serves objects of this apiVersion and kind. */
export function resourceOfKind(
  served: readonly ServedResource[],
  apiVersion: string,
  kind: string,
): ServedResource | undefined {
  const [version = '', group = ''] = apiVersion.split('/').toReversed()
  return served.find((resource) => resource.group === group && resource.version === version && resource.kind === kind)
}

function isNamed({ plural, singular, shortNames, kind }: ServedResource, name: string): boolean {
  return plural === name || singular === name || shortNames.includes(name) || kind.toLowerCase() === name
}

function inGroup({ group, version }: ServedResource, qualifier: string | undefined): boolean {
  return (
    qualifier === undefined ||
    group === qualifier ||
    `${version}.${group}` === qualifier ||
    // `deploy.apps` may be cut short as kubectl allows: `vs.gateway`.
    (qualifier !== '' && group.startsWith(`${qualifier}.`))
  )
}

interface RootBody {
  readonly kind?: string
  readonly items?: readonly AggregatedGroup[]
  readonly versions?: readonly string[]
  readonly groups?: readonly { readonly versions: readonly { readonly groupVersion: string }[] }[]
}

interface AggregatedGroup {
  readonly metadata?: { readonly name?: string }
  readonly versions?: readonly {
    readonly version: string
    readonly resources?: readonly {
      readonly resource: string
      readonly responseKind?: { readonly kind: string }
      readonly scope: 'Namespaced' | 'Cluster'
      readonly singularResource?: string
      readonly shortNames?: readonly string[]
      readonly categories?: readonly string[]
      readonly verbs?: readonly string[]
    }[]
  }[]
}

interface ResourceListBody {
  readonly groupVersion: string
  readonly resources?: readonly {
    readonly name: string
    readonly kind: string
    readonly namespaced: boolean
    readonly singularName?: string
    readonly shortNames?: readonly string[]
    readonly categories?: readonly string[]
    readonly verbs?: readonly string[]
  }[]
}
