/** Who may do what. Every request passes `demand` as soon as it is known who asks, before anything else is done for it. */
import { failure } from '../../kube/api-error.ts'
import type { ApiError } from '../../kube/api-error.ts'
import { resourceName } from '../../kube/object.ts'
import { isPublic } from './authenticate.ts'
import type { User } from './authenticate.ts'
import type { ResourceTarget } from './request-target.ts'

/** What a verb is about, in the words of Kubernetes' roles. */
export type AccessTarget =
  | {
      readonly kind: 'resource'
      readonly group: string
      readonly resource: string
      readonly subresource?: string
      readonly namespace?: string
      /** Absent for verbs about many objects. */
      readonly name?: string
    }
  | { readonly kind: 'path'; readonly path: string }

export interface Access {
  /** Of resources: get, list, watch, create, update, patch, delete, deletecollection. Of paths: the method in lower case. */
  readonly verb: string
  readonly target: AccessTarget
}

interface Decision {
  readonly isAllowed: boolean
  /** Told to a user who is refused, and in the answer to `kubectl auth can-i`. May be empty. */
  readonly reason: string
}

export interface Authorizer {
  authorize(user: User, verb: string, target: AccessTarget): Decision | Promise<Decision>
  /** What the user may do in a namespace, for `kubectl auth can-i --list`; absent: this is not told. */
  rules?(user: User, namespace: string): AccessRules
}

/** As in the status of a SelfSubjectRulesReview. */
interface AccessRules {
  readonly resourceRules: readonly object[]
  readonly nonResourceRules: readonly object[]
}

const ADMINISTRATORS = 'system:masters'

/** Until there are roles: the administrator may do everything, everybody may ask how the server is. */
export const administratorMayAll: Authorizer = {
  authorize: ({ groups }, verb, target) => {
    if (groups.includes(ADMINISTRATORS)) {
      return { isAllowed: true, reason: 'the administrator may do everything' }
    }
    const isAllowed = target.kind === 'path' && isPublic(target.path) && (verb === 'get' || verb === 'head')
    return { isAllowed, reason: isAllowed ? 'everybody may ask how the server is' : '' }
  },
  rules: () => ({
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  }),
}

/** @throws ApiError 403 when the user may not */
export async function demand(authorizer: Authorizer, user: User, { verb, target }: Access): Promise<void> {
  const { isAllowed, reason } = await authorizer.authorize(user, verb, target)
  if (!isAllowed) throw refusal(user, { verb, target }, reason)
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/** What a request asks for; `target` is undefined for paths that name no resource. */
export function accessOf(
  { method, path, query }: { readonly method: string; readonly path: string; readonly query: URLSearchParams },
  target: ResourceTarget | undefined,
): Access {
  if (target === undefined) return { verb: method.toLowerCase(), target: { kind: 'path', path } }
  const { group, plural: resource, namespace, name, subresource } = target
  return {
    verb: verbOf(method, target, query),
    target: {
      kind: 'resource',
      group,
      resource,
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
      ...(subresource === undefined ? {} : { subresource }),
    },
  }
}

function verbOf(method: string, target: ResourceTarget, query: URLSearchParams): string {
  const verb = VERBS[method] ?? method.toLowerCase()
  if (verb === 'get' && isWatch(query, target)) return 'watch'
  if (target.name !== undefined) return verb
  if (verb === 'get') return 'list'
  return verb === 'delete' ? 'deletecollection' : verb
}

/** By the query, or by the old `/watch/` form of the path. What lies behind an object is never watched. */
export function isWatch(query: URLSearchParams, { watch, subresource }: ResourceTarget): boolean {
  if (subresource !== undefined) return false
  const asked = query.get('watch')
  return watch || (asked !== null && asked !== 'false' && asked !== '0')
}

/** In Kubernetes' words: kubectl prints them as they are. */
function refusal({ name: user }: User, { verb, target }: Access, reason: string): ApiError {
  const because = reason === '' ? '' : `: ${reason}`
  const who = `User ${JSON.stringify(user)} cannot ${verb}`
  if (target.kind === 'path') {
    return forbidden(`forbidden: ${who} path ${JSON.stringify(target.path)}${because}`, {})
  }
  const { group, resource, subresource, namespace = '', name = '' } = target
  const what = JSON.stringify(subresource === undefined ? resource : `${resource}/${subresource}`)
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`
  const subject = `${resourceName({ group, plural: resource })}${name === '' ? '' : ` ${JSON.stringify(name)}`}`
  return forbidden(
    `${subject} is forbidden: ${who} resource ${what} in API group ${JSON.stringify(group)} ${where}${because}`,
    { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource },
  )
}

function forbidden(message: string, details: NonNullable<ApiError['status']['details']>): ApiError {
  return failure({ code: 403, reason: 'Forbidden', message, details })
}
