/** What the words after `get` and `delete` mean: types, names, or both in one (`deploy/echo-v1`). */
import { nearest } from '../../base/nearest.ts'
import type { HttpClient } from '../../kube/http-client.ts'
import { UsageError } from '../command.ts'
import { discover, findResource, resourcesOf, type ServedResource } from './discovery.ts'

/** A type, and the single objects asked for; all of the type when there are none. */
export interface Selection {
  readonly resource: ServedResource
  readonly names: readonly string[]
}

export interface Selections {
  readonly selections: readonly Selection[]
  /** Several types were asked for, so that names need their type before them. */
  readonly several: boolean
}

export async function select(client: HttpClient, words: readonly string[], signal?: AbortSignal): Promise<Selections> {
  const [first = '', ...rest] = words
  if (first === '') throw new UsageError('Name a type, such as "deployments". `sluice get all` lists the usual ones.')
  const served = await discover(client, signal)
  if (words.some((word) => word.includes('/'))) {
    const selections = words.map((word) => pairOf(served, word))
    return { selections, several: selections.length > 1 }
  }
  const resources = first.split(',').flatMap((word) => resourcesNamed(served, word))
  return {
    selections: resources.map((resource) => ({ resource, names: rest })),
    several: resources.length > 1 || first === 'all',
  }
}

function resourcesNamed(served: readonly ServedResource[], word: string): readonly ServedResource[] {
  const category = resourcesOf(served, word)
  return category.length > 0 ? category : [resourceNamed(served, word)]
}

export function resourceNamed(served: readonly ServedResource[], word: string): ServedResource {
  const resource = findResource(served, word)
  if (resource !== undefined) return resource
  const known = [...new Set(served.map(({ plural }) => plural))].toSorted()
  const [type = ''] = word.split('.', 1)
  const meant = nearest(type, [...known, ...new Set(served.map(({ singular }) => singular))])
  const cure = meant === undefined ? `It has: ${known.join(', ')}` : `Did you mean "${meant}"?`
  throw new Error(`Cannot find the type "${word}": the server has none of that name. ${cure}`)
}

function pairOf(served: readonly ServedResource[], word: string): Selection {
  const [type = '', name = '', more] = word.split('/')
  if (type === '' || name === '' || more !== undefined) {
    throw new UsageError(`Cannot understand "${word}": write TYPE/NAME for each object, or TYPE and then names.`)
  }
  return { resource: resourceNamed(served, type), names: [name] }
}

/** `deployment.apps/echo-v1`, `pod/x`: how an object is called in messages. */
export function displayName(resource: Pick<ServedResource, 'singular' | 'group'>, name: string): string {
  return `${qualifiedSingular(resource)}/${name}`
}

export function qualifiedSingular({ singular, group }: Pick<ServedResource, 'singular' | 'group'>): string {
  return group === '' ? singular : `${singular}.${group}`
}
