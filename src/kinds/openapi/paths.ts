/** Where a kind is served, and what can be done there. */
import type { ResourceType } from '../../kube/object.ts'

export function listPath({ group, version, plural, namespaced }: ResourceType): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  return `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`
}

export function itemPath(type: ResourceType): string {
  return `${listPath(type)}/{name}`
}

type Verb = 'get' | 'post' | 'put' | 'patch' | 'delete'

export interface OperationsOptions {
  /** Names the schema of the object. */
  readonly component: string
  /** Goes into each operation. */
  readonly shared: object
  /** kubectl sends a strategic merge patch wherever the document offers it, to custom kinds too. */
  readonly strategicPatch: boolean
}

export function operations({ component, shared, strategicPatch }: OperationsOptions): Readonly<Record<Verb, object>> {
  const schema = { $ref: `#/components/schemas/${component}` }
  const body = { requestBody: { content: { 'application/json': { schema } } } }
  const responses = { '200': { description: 'OK', content: { 'application/json': { schema } } } }
  return {
    get: { ...shared, 'x-kubernetes-action': 'get', responses },
    post: { ...shared, 'x-kubernetes-action': 'post', parameters: WRITE_PARAMETERS, ...body, responses },
    put: { ...shared, 'x-kubernetes-action': 'put', parameters: WRITE_PARAMETERS, ...body, responses },
    patch: {
      ...shared,
      'x-kubernetes-action': 'patch',
      parameters: PATCH_PARAMETERS,
      ...patchBody(strategicPatch),
      responses,
    },
    delete: { ...shared, 'x-kubernetes-action': 'delete', parameters: [queryParameter('dryRun')], responses },
  }
}

function queryParameter(name: string, type = 'string'): object {
  return { name, in: 'query', schema: { type } }
}

const WRITE_PARAMETERS = [queryParameter('dryRun'), queryParameter('fieldManager'), queryParameter('fieldValidation')]
const PATCH_PARAMETERS = [...WRITE_PARAMETERS, queryParameter('force', 'boolean')]

const PATCH_TYPES = ['application/json-patch+json', 'application/merge-patch+json']
const STRATEGIC_PATCH_TYPE = 'application/strategic-merge-patch+json'

function patchBody(strategicPatch: boolean): object {
  const types = strategicPatch ? [...PATCH_TYPES, STRATEGIC_PATCH_TYPE] : PATCH_TYPES
  return {
    requestBody: { content: Object.fromEntries(types.map((type) => [type, { schema: { type: 'object' } }])) },
  }
}
