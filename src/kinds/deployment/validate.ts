/** Rules of a Deployment that its schema cannot say. */
import { checkAtLeast, checkImmutable, forbidden, invalid } from '../field-errors.ts'
import type { FieldError } from '../kind.ts'
import { validateWorkload } from '../pod/validate-template.ts'
import type { Deployment, DeploymentSpec } from './types.ts'

export function validateDeployment({ spec }: Deployment): readonly FieldError[] {
  return [
    ...validateWorkload(spec, 'deployment'),
    ...checkAtLeast('spec.replicas', spec.replicas, 0),
    ...checkAtLeast('spec.minReadySeconds', spec.minReadySeconds, 0),
    ...checkAtLeast('spec.revisionHistoryLimit', spec.revisionHistoryLimit, 0),
    ...validateDeadline(spec),
    ...validateStrategy(spec.strategy),
  ]
}

/** From apps/v1beta2 on: another selector would leave the pods of the first one to nobody. */
export function validateSameSelector({ spec }: Deployment, old: Deployment | undefined): readonly FieldError[] {
  return old === undefined ? [] : checkImmutable('spec.selector', spec.selector, old.spec.selector)
}

function validateDeadline({ progressDeadlineSeconds, minReadySeconds = 0 }: DeploymentSpec): readonly FieldError[] {
  const field = 'spec.progressDeadlineSeconds'
  const isTooShort = progressDeadlineSeconds !== undefined && progressDeadlineSeconds <= minReadySeconds
  return [
    ...checkAtLeast(field, progressDeadlineSeconds, 0),
    ...(isTooShort ? [invalid(field, progressDeadlineSeconds, 'must be greater than minReadySeconds')] : []),
  ]
}

function validateStrategy({
  type,
  rollingUpdate,
}: NonNullable<DeploymentSpec['strategy']> = {}): readonly FieldError[] {
  const field = 'spec.strategy.rollingUpdate'
  if (rollingUpdate === undefined) return []
  if (type === 'Recreate') return [forbidden(field, "may not be specified when strategy `type` is 'Recreate'")]
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate
  const broken = [
    ...validateShare(`${field}.maxUnavailable`, maxUnavailable, 100),
    ...validateShare(`${field}.maxSurge`, maxSurge, Infinity),
  ]
  if (broken.length > 0 || !isNothing(maxUnavailable) || !isNothing(maxSurge)) return broken
  return [invalid(`${field}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0')]
}

function isNothing(share: number | string): boolean {
  return share === 0 || Number.parseInt(String(share), 10) === 0
}

/** A number of pods, or a share of them such as `25%`. */
function validateShare(field: string, share: number | string, percentMax: number): readonly FieldError[] {
  if (typeof share === 'number') return checkAtLeast(field, share, 0)
  const percent = /^(?<number>\d+)%$/.exec(share)?.groups?.['number']
  if (percent === undefined) {
    return [
      invalid(field, share, "a valid percent string must be a number followed by '%' (for example '1%' or '93%')"),
    ]
  }
  return Number(percent) > percentMax ? [invalid(field, share, `must not be greater than ${percentMax}%`)] : []
}
