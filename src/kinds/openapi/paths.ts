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

/** `component` names the schema of the object; `shared` goes into each operation. */
export function operations(component: string, shared: object): Readonly<Record<Verb, object>> {
  const schema = { $ref: `#/components/schemas/${component}` }
  const body = { requestBody: { content: { 'application/json': { schema } } } }
  const responses = { '200': { description: 'OK', content: { 'application/json': { schema } } } }
  return {
    get: { ...shared, 'x-kubernetes-action': 'get', responses },
    post: { ...shared, 'x-kubernetes-action': 'post', parameters: WRITE_PARAMETERS, ...body, responses },
    put: { ...shared, 'x-kubernetes-action': 'put', parameters: WRITE_PARAMETERS, ...body, responses },
    patch: { ...shared, 'x-kubernetes-action': 'patch', parameters: PATCH_PARAMETERS, ...PATCH_BODY, responses },
    delete: { ...shared, 'x-kubernetes-action': 'delete', parameters: [queryParameter('dryRun')], responses },
  }
}

function queryParameter(name: string, type = 'string'): object {
  return { name, in: 'query', schema: { type } }
}

const WRITE_PARAMETERS = [queryParameter('dryRun'), queryParameter('fieldManager'), queryParameter('fieldValidation')]
const PATCH_PARAMETERS = [...WRITE_PARAMETERS, queryParameter('force', 'boolean')]

const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
]
const PATCH_BODY = {
  requestBody: { content: Object.fromEntries(PATCH_TYPES.map((type) => [type, { schema: { type: 'object' } }])) },
}
