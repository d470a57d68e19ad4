/**
 * Questions a client asks about itself (`kubectl auth can-i`, `kubectl auth whoami`), answered by whoever authorizes requests.
 */
import type { ObjectSchema } from '../../kinds/schema.ts'
import { array, object, optional, string } from '../../kinds/schema.ts'
import { asRecord, isRecord } from '../registry/document.ts'
import { badRequest } from '../registry/errors.ts'
import type { User } from './authenticate.ts'
import type { Access, AccessTarget, Authorizer } from './authorize.ts'

export interface ReviewResource {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly singular: string
  readonly kind: string
}

const AUTHORIZATION = { group: 'authorization.k8s.io', version: 'v1' }

export const REVIEWS: readonly ReviewResource[] = [
  {
    ...AUTHORIZATION,
    plural: 'selfsubjectaccessreviews',
    singular: 'selfsubjectaccessreview',
    kind: 'SelfSubjectAccessReview',
  },
  {
    ...AUTHORIZATION,
    plural: 'selfsubjectrulesreviews',
    singular: 'selfsubjectrulesreview',
    kind: 'SelfSubjectRulesReview',
  },
  {
    group: 'authentication.k8s.io',
    version: 'v1',
    plural: 'selfsubjectreviews',
    singular: 'selfsubjectreview',
    kind: 'SelfSubjectReview',
  },
]

/** FieldSelectorAttributes and LabelSelectorAttributes: of one shape. */
const selectorAttributes = object({
  rawSelector: optional(string, 1),
  requirements: optional(
    array(object({ key: optional(string, 1), operator: optional(string, 2), values: optional(array(string), 3) })),
    2,
  ),
})
const resourceAttributes = object({
  namespace: optional(string, 1),
  verb: optional(string, 2),
  group: optional(string, 3),
  version: optional(string, 4),
  resource: optional(string, 5),
  subresource: optional(string, 6),
  name: optional(string, 7),
  fieldSelector: optional(selectorAttributes, 8),
  labelSelector: optional(selectorAttributes, 9),
})
const nonResourceAttributes = object({ path: optional(string, 1), verb: optional(string, 2) })

/** `spec` is field 2 in all of them; only what a client sends is described. */
export const REVIEW_SCHEMAS: ReadonlyMap<string, ObjectSchema> = new Map<string, ObjectSchema>([
  [
    'authorization.k8s.io/v1/SelfSubjectAccessReview',
    object({
      spec: optional(
        object({
          resourceAttributes: optional(resourceAttributes, 1),
          nonResourceAttributes: optional(nonResourceAttributes, 2),
        }),
        2,
      ),
    }),
  ],
  [
    'authorization.k8s.io/v1/SelfSubjectRulesReview',
    object({ spec: optional(object({ namespace: optional(string, 1) }), 2) }),
  ],
  ['authentication.k8s.io/v1/SelfSubjectReview', object({ groups: optional(array(string)) })],
])

export function findReview(group: string, version: string, plural: string): ReviewResource | undefined {
  return REVIEWS.find((review) => review.group === group && review.version === version && review.plural === plural)
}

interface Asker {
  readonly user: User
  readonly authorizer: Authorizer
}

/** The review with its answer. */
export async function answerReview(
  { group, version, kind }: ReviewResource,
  body: unknown,
  asker: Asker,
): Promise<object> {
  const spec = asRecord(asRecord(body)['spec'])
  const head = { kind, apiVersion: `${group}/${version}`, metadata: { creationTimestamp: null } }
  switch (kind) {
    case 'SelfSubjectAccessReview':
      return { ...head, spec, status: await accessStatus(spec, asker) }
    case 'SelfSubjectRulesReview':
      return { ...head, spec: {}, status: rulesStatus(textIn(spec, 'namespace'), asker) }
    default:
      return { ...head, status: { userInfo: { username: asker.user.name, groups: asker.user.groups } } }
  }
}

async function accessStatus(spec: Readonly<Record<string, unknown>>, { user, authorizer }: Asker): Promise<object> {
  const { verb, target } = accessIn(spec)
  const { isAllowed, reason } = await authorizer.authorize(user, verb, target)
  return { allowed: isAllowed, ...(reason === '' ? {} : { reason }) }
}

function accessIn(spec: Readonly<Record<string, unknown>>): Access {
  const { resourceAttributes: about, nonResourceAttributes: aboutPath } = spec
  if (isRecord(about) === isRecord(aboutPath)) {
    throw badRequest('exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be specified')
  }
  if (isRecord(aboutPath)) {
    const target: AccessTarget = { kind: 'path', path: textIn(aboutPath, 'path') }
    return { verb: textIn(aboutPath, 'verb'), target }
  }
  const attributes = asRecord(about)
  const { namespace, name, subresource } = attributes
  return {
    verb: textIn(attributes, 'verb'),
    target: {
      kind: 'resource',
      group: textIn(attributes, 'group'),
      resource: textIn(attributes, 'resource'),
      ...(typeof namespace === 'string' ? { namespace } : {}),
      ...(typeof name === 'string' ? { name } : {}),
      ...(typeof subresource === 'string' ? { subresource } : {}),
    },
  }
}

function rulesStatus(namespace: string, { user, authorizer }: Asker): object {
  const rules = authorizer.rules?.(user, namespace)
  if (rules !== undefined) return { ...rules, incomplete: false }
  const evaluationError = 'this server does not list rules; ask for one verb and one resource'
  return { resourceRules: [], nonResourceRules: [], incomplete: true, evaluationError }
}

function textIn(record: Readonly<Record<string, unknown>>, name: string): string {
  const value = record[name]
  return typeof value === 'string' ? value : ''
}
