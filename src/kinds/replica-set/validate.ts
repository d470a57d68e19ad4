/** Rules of a ReplicaSet that its schema cannot say. */
import { checkAtLeast, checkImmutable } from '../field-errors.ts'
import type { FieldError } from '../kind.ts'
import { validateWorkload } from '../pod/validate-template.ts'
import type { ReplicaSet } from './types.ts'

export function validateReplicaSet({ spec }: ReplicaSet): readonly FieldError[] {
  return [
    ...validateWorkload(spec, 'replicaset'),
    ...checkAtLeast('spec.replicas', spec.replicas, 0),
    ...checkAtLeast('spec.minReadySeconds', spec.minReadySeconds, 0),
  ]
}

/** From apps/v1beta2 on: another selector would leave the pods of the first one to nobody. */
export function validateSameSelector({ spec }: ReplicaSet, old: ReplicaSet | undefined): readonly FieldError[] {
  return old === undefined ? [] : checkImmutable('spec.selector', spec.selector, old.spec.selector)
}
