/**
 * Questions a client asks about itself (`kubectl auth can-i`, `kubectl auth whoami`). The one user may do everything.
 */
import type { ObjectSchema } from '../../kinds/schema.ts'
import { array, object, optional, string } from '../../kinds/schema.ts'
import { isRecord } from '../registry/document.ts'
import type { User } from './authenticate.ts'

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

/** The review with its answer. */
export function answerReview({ group, version, kind }: ReviewResource, body: unknown, user: User): object {
  const spec = isRecord(body) && isRecord(body['spec']) ? body['spec'] : {}
  const head = { kind, apiVersion: `${group}/${version}`, metadata: { creationTimestamp: null } }
  switch (kind) {
    case 'SelfSubjectAccessReview':
      return { ...head, spec, status: { allowed: true, reason: 'the administrator may do everything' } }
    case 'SelfSubjectRulesReview':
      return {
        ...head,
        spec: {},
        status: {
          resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
          nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
          incomplete: false,
        },
      }
    default:
      return { ...head, status: { userInfo: { username: user.name, groups: user.groups } } }
  }
}
