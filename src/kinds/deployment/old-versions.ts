/**
 * Deployments as they were served before apps/v1: the same objects, with the defaults and rules of their time.
 * Source: Kubernetes 1.15, pkg/apis/{apps,extensions}/{v1beta1,v1beta2}/{defaults,conversion}.go.
 */
import type { KubeObject, ResourceType } from '../../kube/object.ts'
import { checkAtLeast, required as missing } from '../field-errors.ts'
import type { FieldError, KindVersion } from '../kind.ts'
import { labelSelector, objectMeta, typeMeta } from '../metadata.ts'
import { templateWarnings } from '../pod/warnings.ts'
import type { Named } from '../published.ts'
import { appsV1beta1, appsV1beta2, extensionsV1beta1 } from '../published.ts'
import type { ObjectSchema } from '../schema.ts'
import { int64, neededInside, optional, required } from '../schema.ts'
import { selectTemplateLabels } from '../template-labels.ts'
import { deploymentColumns } from './columns.ts'
import { deploymentDefaults } from './defaults.ts'
import type { DeploymentDefaults } from './defaults.ts'
import { rollbackFromAnnotation, rollbackToAnnotation } from './rollback-field.ts'
import { rollbackSubresource } from './rollback-request.ts'
import { specFields, statusOf } from './spec.ts'
import type { Deployment } from './types.ts'
import { validateDeployment, validateSameSelector } from './validate.ts'

/** A Deployment that may name a revision to go back to. */
interface BetaDeployment extends Deployment {
  readonly spec: Deployment['spec'] & { readonly rollbackTo?: { readonly revision?: number } }
}

type Version = KindVersion<Deployment, Deployment>

const APPS_DEFAULTS: DeploymentDefaults = { history: 10, deadlineSeconds: 600, share: '25%' }
/** Both mean that there is none. */
const UNLIMITED = 2 ** 31 - 1

const common = {
  singular: 'deployment',
  hasStatus: true,
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  warnings: templateWarnings,
  columns: deploymentColumns,
  strategicPatch: true,
} as const

const inAppsV1beta2: Version = {
  ...common,
  type: typeIn('apps', 'v1beta2'),
  shortNames: ['deploy'],
  categories: ['all'],
  schema: schemaOf(appsV1beta2, specFields(appsV1beta2, required(labelSelector, 2))),
  defaults: (object) => deploymentDefaults(object, APPS_DEFAULTS),
  validate: (object, old) => [...validateDeployment(object), ...validateSameSelector(object, old)],
}

const inAppsV1beta1: Version = {
  ...common,
  ...betaOf(appsV1beta1, { ...APPS_DEFAULTS, history: 2 }),
  type: typeIn('apps', 'v1beta1'),
  subresources: [rollbackSubresource('apps/v1beta1')],
  shortNames: ['deploy'],
  categories: ['all'],
}

/** Without categories and short names: kubectl looks those up in every group, and these objects are in `apps` already. */
const inExtensions: Version = {
  ...common,
  ...betaOf(extensionsV1beta1, { history: UNLIMITED, deadlineSeconds: UNLIMITED, share: 1 }),
  type: typeIn('extensions', 'v1beta1'),
  subresources: [rollbackSubresource('extensions/v1beta1')],
  shortNames: [],
  categories: [],
}

export const oldDeployments: readonly Version[] = [inAppsV1beta2, inAppsV1beta1, inExtensions]

/** The first two versions: the selector may be left out and changed, and `rollbackTo` asks for an earlier revision. */
function betaOf(
  named: Named,
  defaults: DeploymentDefaults,
): Pick<Version, 'schema' | 'defaults' | 'validate' | 'toHub' | 'fromHub'> {
  const revision = optional(int64, 1, {
    description: 'The number of the revision; 0 is the one before the present one.',
  })
  const rollbackTo = optional(named('RollbackConfig', { revision }), 8, {
    description: 'Makes the template of an earlier revision the present one again, and is cleared once that is done.',
  })
  return {
    schema: schemaOf(named, { ...specFields(named, optional(labelSelector, 2)), rollbackTo }),
    defaults: (object) => deploymentDefaults(selectTemplateLabels(object), defaults),
    validate: validateBeta,
    toHub: rollbackToAnnotation,
    fromHub: rollbackFromAnnotation,
  }
}

function validateBeta(object: BetaDeployment): readonly FieldError[] {
  // The schema does not ask for it, and a template without labels gives none.
  if ((object.spec.selector as unknown) === undefined) return [missing('spec.selector')]
  const revision = object.spec.rollbackTo?.revision
  return [...validateDeployment(object), ...checkAtLeast('spec.rollbackTo.revision', revision, 0)]
}

function schemaOf(named: Named, fields: ObjectSchema['fields']): ObjectSchema {
  return named('Deployment', {
    ...typeMeta,
    metadata: optional(objectMeta, 1),
    spec: neededInside(named('DeploymentSpec', fields), 2),
    status: optional(statusOf(named), 3),
  })
}

function typeIn<T extends KubeObject>(group: string, version: string): ResourceType<T> {
  return { group, version, kind: 'Deployment', plural: 'deployments', namespaced: true }
}
